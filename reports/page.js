// The list of cases, its filters, the matrix's rows, and what the page's address (#CASE?service=…) says of them.

const BATCH = 200; // how many cases are added to the list at once
const list = document.getElementById("list");
const filters = document.getElementById("filters");
const shown = document.getElementById("shown");
const more = element("button", { type: "button", class: "plain more", onclick: () => extend(listed + BATCH) });
const nodes = new Map(); // of a case's number, the element that shows it
const searched = new Map();
let found = []; // the numbers of the cases that match the filters
let listed = 0; // how many of them are in the list

const FILTERS = {
  verdict: (item) => styleOf(item).word,
  service: (item) => textOf(item.subject),
  network: (item) => textOf(item.topology),
  requirement: (item) => textOf(item.requirement),
};

function nodeOf(at) {
  if (!nodes.has(at)) nodes.set(at, caseNode(data.cases[at]));
  return nodes.get(at);
}

function caseNode(item) {
  const topology = data.topologies[textOf(item.topology)] || textOf(item.topology);
  const node = element("details", { class: "case", id: item.id },
    element("summary", {}, tag(item), element("span", { class: "req" }, textOf(item.requirement)),
      element("span", { class: "name" }, textOf(item.title)),
      element("span", { class: "where" }, `${textOf(item.subject)} · ${textOf(item.element)} · ${topology}`)));
  node.addEventListener("toggle", () => {
    if (node.open) fill(node, item);
    const linked = address().id === item.id;
    if (node.open !== linked) stay(node.open ? item.id : "");
  });
  return node;
}

function fill(node, item) {
  if (node.childElementCount === 1) node.append(caseBody(item));
}

function everyText(item) {
  if (!searched.has(item)) {
    const findings = item.findings.flatMap(([, expected, happened, packets]) => [expected, happened, ...packets]);
    const packets = item.ladder.rows.filter((row) => !isGap(row)).flatMap((row) => row.slice(4, 7));
    const single = [item.requirement, item.title, item.subject, item.element, item.topology, item.why, item.log, item.command];
    const texts = [...single, ...item.steps.map(([, what]) => what), ...findings, ...packets].map(textOf);
    searched.set(item, [item.id, styleOf(item).word, ...item.causes, ...texts].join("\n").toLowerCase());
  }
  return searched.get(item);
}

// -- the filters --------------------------------------------------------------------------------------------------

function chosen() {
  return Object.fromEntries([...Object.keys(FILTERS), "text"].map((name) => [name, filters.elements[name].value]));
}

function choose(values) {
  for (const name of Object.keys(chosen())) filters.elements[name].value = values[name] || "";
}

function applyFilters() {
  const wanted = Object.entries(FILTERS).filter(([name]) => filters.elements[name].value);
  const words = filters.elements.text.value.toLowerCase().split(/\s+/).filter(Boolean);
  found = [...data.cases.keys()].filter((at) => {
    const item = data.cases[at];
    return wanted.every(([name, value]) => filters.elements[name].value === value(item))
      && words.every((word) => everyText(item).includes(word));
  });
  list.replaceChildren();
  listed = 0;
  extend(BATCH);
  const all = data.cases.length;
  shown.textContent = found.length === all ? `${all} case${all === 1 ? "" : "s"}` : `${found.length} of ${all} cases`;
  if (!found.length) list.append(element("p", { class: "none" }, all ? "No case matches these filters." : "No case was recorded."));
}

function extend(end) {
  more.remove();
  list.append(...found.slice(listed, end).map(nodeOf));
  listed = Math.min(end, found.length);
  const left = found.length - listed;
  more.textContent = `Show ${Math.min(left, BATCH)} more of ${left}`;
  if (left) list.append(more);
}

function offer(name, values, label = (value) => value) {
  filters.elements[name].append(...[...new Set(values)].map((value) => element("option", { value }, label(value))));
}

// -- the page's address -------------------------------------------------------------------------------------------

function address() {
  const [id, query] = location.hash.slice(1).split("?");
  let text = "";
  try { text = decodeURIComponent(id); } catch { /* no address of ours */ }
  return { id: text, values: Object.fromEntries(new URLSearchParams(query || "")) };
}

function addressOf(id) {
  const query = new URLSearchParams(Object.entries(chosen()).filter(([, value]) => value)).toString();
  return "#" + encodeURIComponent(id) + (query ? "?" + query : "");
}

function stay(id) { history.replaceState(null, "", addressOf(id)); } // the same entry of the history
function go(id) { if (addressOf(id) !== location.hash) history.pushState(null, "", addressOf(id)); } // a new one

function restore() {
  const { id, values } = address();
  if (id && !id.includes(":") && document.getElementById(id)) return; // a section of the page
  choose(values);
  applyFilters();
  const at = data.cases.findIndex((item) => item.id === id);
  if (at >= 0) openCase(at);
  else if (Object.keys(values).length) document.getElementById("cases").scrollIntoView({ block: "start" });
}

function openCase(at) {
  if (!found.includes(at)) { choose({}); applyFilters(); }
  if (found.indexOf(at) >= listed) extend(found.indexOf(at) + 1);
  const node = nodeOf(at);
  node.open = true;
  fill(node, data.cases[at]);
  node.scrollIntoView({ block: "start" });
  node.querySelector("summary").focus({ preventScroll: true });
}

// -- the matrix ---------------------------------------------------------------------------------------------------

function expandRow(button) {
  const row = button.closest("tr");
  const open = button.getAttribute("aria-expanded") === "true";
  button.setAttribute("aria-expanded", !open);
  if (open) {
    while (row.nextElementSibling && row.nextElementSibling.classList.contains("sub")) row.nextElementSibling.remove();
    return;
  }
  const groups = new Map();
  for (const item of data.cases.filter((one) => textOf(one.subject) === button.dataset.expand)) {
    const key = `${textOf(item.requirement)} ${textOf(item.element)}`;
    if (!groups.has(key)) groups.set(key, []);
    groups.get(key).push(item);
  }
  row.after(...[...groups.keys()].sort().map((key) => requirementRow(key, groups.get(key))));
}

function requirementRow(key, items) {
  const cells = Object.entries(data.topologies).map(([topology, title]) => element("td", { "data-head": title }, ...items
    .filter((item) => textOf(item.topology) === topology)
    .map((item) => element("a", { href: "#" + encodeURIComponent(item.id), class: styleOf(item).tone },
      icon(styleOf(item).slug), styleOf(item).word))));
  const name = element("th", { scope: "row" }, key, element("small", {}, textOf(items[0].title)));
  return element("tr", { class: "sub" }, name, ...cells);
}

// -- the page -----------------------------------------------------------------------------------------------------

function startPage() {
  const pictures = document.getElementById("timeline-section");
  if (pictures) pictures.hidden = true; // each case shows its own
  offer("verdict", data.styles.map((style) => style.word).filter((word) => data.cases.some((item) => styleOf(item).word === word)));
  offer("service", data.cases.map(FILTERS.service).sort());
  offer("network", Object.keys(data.topologies), (name) => data.topologies[name]);
  offer("requirement", data.cases.map(FILTERS.requirement).sort());
  filters.hidden = false;
  filters.addEventListener("input", (event) => {
    applyFilters();
    (event.target.type === "search" ? stay : go)("");
  });
  filters.addEventListener("reset", () => setTimeout(() => { applyFilters(); go(""); }));
  filters.addEventListener("submit", (event) => event.preventDefault());
  applyFilters();
  restore();
  addEventListener("beforeprint", () => extend(found.length)); // paper has no button for more
  addEventListener("popstate", restore); // also when a link of the page changes the address
  document.documentElement.dataset.ready = "";
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-expand]");
  if (button && data) expandRow(button);
  const link = event.target.closest("a[href^='#']");
  if (link && data && link.getAttribute("href") === location.hash) restore(); // the address does not change
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, select, textarea")) return;
  event.preventDefault();
  filters.elements.text.focus();
});

function startTheme() {
  const button = document.getElementById("theme");
  const apply = (name) => { if (name) document.documentElement.dataset.theme = name; };
  apply(remembered("theme"));
  button.hidden = false;
  button.addEventListener("click", () => {
    const now = document.documentElement.dataset.theme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
    apply(now === "dark" ? "light" : "dark");
    remember("theme", document.documentElement.dataset.theme);
  });
}

startTheme();
unpack(document.getElementById("data").textContent).then((unpacked) => {
  data = unpacked;
  startPage();
}, (error) => {
  list.replaceChildren(element("p", { class: "none" }, `This browser cannot show the cases (${error}). results.json has them.`));
});
