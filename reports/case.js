"use strict";
// One case, from data to elements. Every text is inserted as text, never as markup.

const data = JSON.parse(document.getElementById("data").textContent);
const textOf = (place) => data.texts[place];
const SVG = "http://www.w3.org/2000/svg";
const VISIBLE_NAME = { ipv4: "IPv4", ipv6: "IPv6" };
let language = null; // the reader's choice in this page

function languageOf(item) {
  const known = [language, item.language, remembered("language")].find((name) => data.languages.includes(name));
  return known || data.languages[0];
}

function remembered(key) {
  try { return localStorage.getItem("dualstack-" + key); } catch { return null; }
}

function remember(key, value) {
  try { localStorage.setItem("dualstack-" + key, value); } catch { /* the page works without storage */ }
}

function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (value !== null && value !== undefined && value !== false) made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child !== null && child !== ""));
  return made;
}

function icon(slug) {
  const made = document.createElementNS(SVG, "svg");
  const use = document.createElementNS(SVG, "use");
  made.setAttribute("class", "icon");
  made.setAttribute("aria-hidden", "true");
  use.setAttribute("href", "#v-" + slug);
  made.append(use);
  return made;
}

const styleOf = (item) => data.styles[item.verdict];
const tag = (item) => element("span", { class: "tag " + styleOf(item).tone }, icon(styleOf(item).slug), styleOf(item).word);
const mark = (ok, word) => element("span", { class: "mark " + (ok ? "yes" : "no") }, icon(ok ? "pass" : "fail"), word);
const heading = (text) => element("h4", {}, text);
const familyName = (family) => VISIBLE_NAME[family] || family;

function grid(heads, rows, kind = "") {
  return element("div", { class: "wide" }, element("table", { class: "grid " + kind },
    element("thead", {}, element("tr", {}, ...heads.map((head) => element("th", { scope: "col" }, head)))),
    element("tbody", {}, ...rows.map((cells) => element("tr", {}, ...cells.map((cell) => element("td", {}, cell)))))));
}

function verdictPart(item) {
  const style = styleOf(item);
  return [element("div", { class: "verdict " + style.tone },
    element("p", {}, element("b", {}, style.word + ". "), style.meaning),
    item.why ? element("p", {}, textOf(item.why)) : null)];
}

function requirementPart(item) {
  const known = data.requirements[textOf(item.requirement)];
  const meaning = { MUST: "the service must do this", SHOULD: "recommended", OBSERVE: "recorded, not judged" };
  const level = textOf(item.level);
  const parts = [heading("What is required"), element("p", { class: "obligation" },
    element("b", {}, `${level} (${meaning[level] || "level"}): `), (known && known.statement) || textOf(item.title))];
  if (known && known.cites.length) parts.push(element("p", { class: "cite" }, "Source: " + known.cites.join("; ")));
  if (known && known.stimulus) parts.push(element("p", { class: "cite" }, "How it is tested: " + known.stimulus));
  if (known && known.wire) parts.push(element("p", { class: "cite" }, "What the packets must show: " + known.wire));
  return parts;
}

function axesPart(item) {
  if (!Object.keys(item.works).length && !item.families.length) return [];
  const rows = ["ipv4", "ipv6"].map((family) => {
    const works = item.works[family];
    const seen = item.families.includes(family);
    return [element("b", {}, familyName(family)),
      works === undefined ? element("span", { class: "dim" }, "not tried") : mark(works, works ? "works" : "does not work"),
      seen ? element("span", { class: "mark" }, "packets seen") : element("span", { class: "dim" }, "no packet")];
  });
  return [heading("Does it work, and over which family?"),
    grid(["", "The application", "On the wire"], rows, "small")];
}

function findingsPart(item) {
  if (!item.findings.length) return [];
  const rows = item.findings.map(([ok, expected, happened, packets]) => [
    mark(ok, ok ? "as expected" : "not as expected"), textOf(expected),
    element("div", {}, textOf(happened),
      packets.length ? element("pre", {}, packets.map(textOf).join("\n")) : null)]);
  return [heading("Expected and actual"), grid(["", "Expected", "Actual"], rows)];
}

function stepsPart(item) {
  if (!item.steps.length) return [];
  const lines = item.steps.map(([at, what]) =>
    element("li", {}, element("time", {}, "+" + at.toFixed(3) + " s"), element("span", {}, textOf(what))));
  return [heading("Steps"), element("ol", { class: "steps" }, ...lines)];
}

const isGap = (row) => typeof row === "number"; // how many packets are left out
const noteRow = (text) => element("tr", {}, element("td"), element("td", { colspan: 4, class: "dim" }, text));

function sequenceRow(row, before) {
  if (isGap(row)) return noteRow(`… ${row} packets left out; the capture has them …`);
  const [time, leftAt, rightAt, forward, whatAt, family, refuses] = row;
  const again = before && !isGap(before) && before[1] === leftAt && before[2] === rightAt ? " again" : "";
  return element("tr", { class: refuses ? "reset" : null },
    element("td", { class: "at" }, time.toFixed(3) + " ms"),
    element("td", {}, element("span", { class: "fam fam" + family.slice(-1) }, familyName(family))),
    element("td", { class: "left" + again }, textOf(leftAt)),
    element("td", { class: "arrow " + (forward ? "fwd" : "back") },
      element("span", {}, element("i"), textOf(whatAt), element("i", { title: forward ? "to the right" : "to the left" }))),
    element("td", { class: again }, textOf(rightAt)));
}

function packetsPart(item) {
  const pcap = textOf(item.capture);
  const unreadable = textOf(item.unreadable);
  if (!item.sequence.length && !pcap && !unreadable) return [];
  const path = pcap.split("/").map(encodeURIComponent).join("/");
  const link = pcap ? element("p", { class: "cite" }, "All packets: ", element("a", { href: path }, pcap), " (for Wireshark or tcpdump)") : null;
  const rows = item.sequence.map((row, at) => sequenceRow(row, item.sequence[at - 1]));
  if (unreadable) rows.push(noteRow("The capture cannot be read: " + unreadable));
  return [heading("Packets"), element("div", { class: "wide" }, element("table", { class: "sequence" }, element("tbody", {}, ...rows))), link];
}

function accepts(family, state, address, v6only) {
  if (state !== "LISTEN" && state !== "UNCONN") return "";
  if (family === "ipv4") return "IPv4 only";
  const wildcard = address === "::";
  return wildcard && v6only === false ? "IPv4 and IPv6" : /^::ffff:/i.test(address) ? "IPv4 only" : "IPv6 only";
}

function socketsPart(item) {
  if (!item.sockets.length) return [];
  const rows = item.sockets.map(([family, transport, state, address, peer, owner, port, v6only]) => [
    `${textOf(transport)} ${textOf(state)}`,
    element("code", {}, (textOf(address).includes(":") ? `[${textOf(address)}]` : textOf(address)) + ":" + port),
    v6only === null ? "" : v6only ? "on" : "off",
    accepts(textOf(family), textOf(state), textOf(address), v6only),
    element("code", {}, textOf(peer)), textOf(owner)]);
  return [heading("The service's sockets, from the kernel's socket table"),
    grid(["Socket", "Address", "IPV6_V6ONLY", "Accepts", "Peer", "Process"], rows)];
}

function causePart(code, item) {
  const known = data.causes[code];
  if (!known) return element("div", { class: "cause" }, element("code", {}, code));
  const remedy = element("p", { class: "remedy", role: "tabpanel", tabindex: 0 });
  const tabs = element("div", { class: "tabs", role: "tablist", "aria-label": "Programming language" });
  const choose = (name) => {
    remedy.textContent = known.remedy[data.languages.indexOf(name)];
    for (const tab of tabs.children) {
      const chosen = tab.textContent === name;
      tab.setAttribute("aria-selected", chosen);
      tab.tabIndex = chosen ? 0 : -1;
    }
  };
  for (const name of data.languages) {
    tabs.append(element("button", { type: "button", role: "tab", onclick: () => chooseLanguage(name) }, name));
  }
  tabs.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const next = (data.languages.indexOf(languageOf(item)) + step + data.languages.length) % data.languages.length;
    chooseLanguage(data.languages[next]);
    tabs.children[next].focus();
  });
  const made = element("div", { class: "cause" }, element("p", {}, element("b", {}, known.title), " ", element("code", {}, code)),
    element("p", {}, known.explanation), element("p", {}, element("b", {}, "Fix: "), known.fix), tabs, remedy);
  made.choose = choose;
  choose(languageOf(item));
  return made;
}

function chooseLanguage(name) {
  language = name;
  remember("language", name);
  for (const cause of document.querySelectorAll(".cause")) if (cause.choose) cause.choose(name);
}

function factsPart(item, title) {
  if (!item.facts.length) return [];
  return [element("p", { class: "facts" }, title), element("ul", { class: "facts" }, ...item.facts.map((fact) => element("li", {}, textOf(fact))))];
}

function causesPart(item) {
  const speaks = ["fail", "deviates", "known"].includes(styleOf(item).word);
  if (!speaks || (!item.causes.length && !item.facts.length)) return [];
  if (!item.causes.length) return [heading("The cause"), ...factsPart(item, "The cause is not known; the facts are:")];
  return [heading("Likely causes, the most likely first, and how to fix them"), ...factsPart(item, "Evidence:"),
    ...item.causes.map((code) => causePart(code, item))];
}

function commandPart(title, command) {
  if (!command) return [];
  const button = element("button", { type: "button", class: "plain", onclick: async () => {
    button.textContent = (await copied(command)) ? "Copied" : "Press Ctrl+C";
    setTimeout(() => { button.textContent = "Copy"; }, 1500);
  } }, "Copy");
  const text = element("pre", {}, command);
  const copied = async (what) => {
    try { await navigator.clipboard.writeText(what); return true; } catch {
      getSelection().selectAllChildren(text);
      return false;
    }
  };
  return [heading(title), element("div", { class: "command" }, text, button)];
}

function caseBody(item) {
  const log = textOf(item.log);
  return element("div", { class: "body" }, ...[
    verdictPart(item), requirementPart(item), findingsPart(item), axesPart(item), causesPart(item), stepsPart(item),
    packetsPart(item), socketsPart(item),
    log ? [heading("The service's output"), element("pre", {}, log)] : [],
    item.components.map(([name, text]) => [heading("The output of component " + textOf(name)), element("pre", {}, textOf(text))]).flat(),
    commandPart("How the service was started", textOf(item.command)),
    commandPart("Run only this case", textOf(item.rerun)),
    [element("p", { class: "cite" }, `${textOf(item.manifest) || "manifest not recorded"} · took ${item.seconds} s, of which ${item.waited} s waiting for the service · `,
      element("a", { href: "#" + encodeURIComponent(item.id) }, "link to this case"))],
  ].flat().filter((part) => part !== null));
}
