// The list of cases, its filters, the matrix's rows, and links to single cases.

const list = document.getElementById("list");
const filters = document.getElementById("filters");
const shown = document.getElementById("shown");
const nodes = data.cases.map(caseNode);
const searched = new Map();

function caseNode(item) {
  const topology = data.topologies[textOf(item.topology)] || textOf(item.topology);
  const node = element("details", { class: "case", id: item.id },
    element("summary", {}, tag(item), element("span", { class: "req" }, textOf(item.requirement)),
      element("span", { class: "name" }, textOf(item.title)),
      element("span", { class: "where" }, `${textOf(item.subject)} · ${textOf(item.element)} · ${topology}`)));
  node.addEventListener("toggle", () => { if (node.open) fill(node, item); });
  return node;
}

function fill(node, item) {
  if (node.childElementCount === 1) node.append(caseBody(item));
}

function everyText(item) {
  if (!searched.has(item)) {
    const findings = item.findings.flatMap(([, expected, happened, packets]) => [expected, happened, ...packets]);
    const packets = item.sequence.filter((row) => !isGap(row)).flatMap(([, left, right, , what]) => [left, right, what]);
    const single = [item.requirement, item.title, item.subject, item.element, item.topology, item.why, item.log, item.command];
    const texts = [...single, ...item.steps.map(([, what]) => what), ...findings, ...packets].map(textOf);
    searched.set(item, [item.id, styleOf(item).word, ...item.causes, ...texts].join("\n").toLowerCase());
  }
  return searched.get(item);
}

function wanted(item) {
  const chosen = filters.elements;
  const same = (name, value) => !chosen[name].value || chosen[name].value === value;
  return same("verdict", styleOf(item).word) && same("subject", textOf(item.subject))
    && same("topology", textOf(item.topology)) && same("requirement", textOf(item.requirement))
    && chosen.text.value.toLowerCase().split(/\s+/).every((word) => everyText(item).includes(word));
}

function applyFilters() {
  let count = 0;
  data.cases.forEach((item, at) => {
    nodes[at].hidden = !wanted(item);
    count += nodes[at].hidden ? 0 : 1;
  });
  shown.textContent = count === data.cases.length ? `${count} cases` : `${count} of ${data.cases.length} cases`;
  document.getElementById("nothing").hidden = count > 0 || !data.cases.length;
}

function offer(name, values, label = (value) => value) {
  filters.elements[name].append(...[...new Set(values)].map((value) => element("option", { value }, label(value))));
}

function filterBy(values) {
  filters.reset();
  for (const [name, value] of Object.entries(values)) filters.elements[name].value = value;
  applyFilters();
  document.getElementById("cases").scrollIntoView({ block: "start" });
}

function openLinked() {
  let id;
  try { id = decodeURIComponent(location.hash.slice(1)); } catch { return; }
  const at = data.cases.findIndex((item) => item.id === id);
  if (at < 0) return;
  if (nodes[at].hidden) { filters.reset(); applyFilters(); }
  nodes[at].open = true;
  fill(nodes[at], data.cases[at]);
  nodes[at].scrollIntoView({ block: "start" });
  nodes[at].querySelector("summary").focus({ preventScroll: true });
}

function expandRow(button) {
  const row = button.closest("tr");
  const open = button.getAttribute("aria-expanded") === "true";
  button.setAttribute("aria-expanded", !open);
  if (open) {
    while (row.nextElementSibling && row.nextElementSibling.classList.contains("sub")) row.nextElementSibling.remove();
    return;
  }
  const own = data.cases.filter((item) => textOf(item.subject) === button.dataset.expand);
  const groups = new Map();
  for (const item of own) {
    const key = `${textOf(item.requirement)} ${textOf(item.element)}`;
    if (!groups.has(key)) groups.set(key, []);
    groups.get(key).push(item);
  }
  const rows = [...groups.keys()].sort().map((key) => requirementRow(key, groups.get(key)));
  row.after(...rows);
}

function requirementRow(key, items) {
  const cells = Object.keys(data.topologies).map((topology) => element("td", {}, ...items
    .filter((item) => textOf(item.topology) === topology)
    .map((item) => element("a", { href: "#" + encodeURIComponent(item.id), class: styleOf(item).tone },
      icon(styleOf(item).slug), styleOf(item).word))));
  const name = element("th", { scope: "row" }, key, element("small", {}, textOf(items[0].title)));
  return element("tr", { class: "sub" }, name, ...cells);
}

function startPage() {
  const nothing = element("p", { class: "none", id: "nothing", hidden: true }, "No case matches these filters.");
  list.append(...nodes, nothing);
  if (!data.cases.length) list.append(element("p", { class: "none" }, "No case was recorded."));
  offer("verdict", data.styles.map((style) => style.word).filter((word) => data.cases.some((item) => styleOf(item).word === word)));
  offer("subject", data.cases.map((item) => textOf(item.subject)).sort());
  offer("topology", Object.keys(data.topologies), (name) => data.topologies[name]);
  offer("requirement", data.cases.map((item) => textOf(item.requirement)).sort());
  filters.hidden = false;
  filters.addEventListener("input", applyFilters);
  filters.addEventListener("reset", () => setTimeout(applyFilters));
  filters.addEventListener("submit", (event) => event.preventDefault());
  applyFilters();
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  const { filterVerdict, cellSubject, cellTopology, expand } = button.dataset;
  if (filterVerdict) filterBy({ verdict: filterVerdict });
  if (cellSubject) filterBy({ subject: cellSubject, topology: cellTopology });
  if (expand) expandRow(button);
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "/" || event.target.closest("input, select, textarea")) return;
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
startPage();
openLinked();
addEventListener("hashchange", openLinked);
