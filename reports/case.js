"use strict";
// One case, from data to elements. Every text is inserted as text, never as markup.

let data = null; // all results, once they are unpacked

async function unpack(packed) {
  const bytes = Uint8Array.from(atob(packed), (character) => character.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return JSON.parse(await new Response(stream).text());
}

const textOf = (place) => data.texts[place];
const SVG = "http://www.w3.org/2000/svg";
const VISIBLE_NAME = { ipv4: "IPv4", ipv6: "IPv6" };
let language = null; // the reader's choice in this page

// The service's own language comes first.
const languagesFor = (item) => [...data.languages].sort((one, other) => (other === item.language) - (one === item.language));

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
const heading = (text) => element("h3", {}, text);
const familyName = (family) => VISIBLE_NAME[family] || family;

function grid(heads, rows, kind = "") {
  return element("div", { class: "wide" }, element("table", { class: "grid " + kind },
    element("thead", {}, element("tr", {}, ...heads.map((head) => element("th", { scope: "col" }, head)))),
    element("tbody", {}, ...rows.map((cells) => element("tr", {},
      ...cells.map((cell, at) => element("td", { "data-head": heads[at] }, cell)))))));
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
      works === undefined ? element("span", { class: "dim" }, seen ? "judged from the packets" : "not tried") : mark(works, works ? "works" : "does not work"),
      seen ? element("span", { class: "mark" }, "packets seen") : element("span", { class: "dim" }, "no packet")];
  });
  return [heading("Does it work, and over which family?"),
    grid(["Family", "The application", "On the wire"], rows, "small")];
}

function findingsPart(item) {
  if (!item.findings.length) return [];
  const rows = item.findings.map(([ok, expected, happened, packets]) => [
    mark(ok, ok ? "as expected" : "not as expected"), textOf(expected),
    element("div", {}, textOf(happened),
      packets.length ? element("pre", {}, packets.map(textOf).join("\n")) : null)]);
  return [heading("Expected and actual"), grid(["Result", "Expected", "Actual"], rows)];
}

function measuresPart(item) {
  if (!item.measures.length) return [];
  const ms = (number) => number.toFixed(1) + " ms";
  const rows = item.measures.map(([name, value, low, high, runs, median, spread, reference]) => [textOf(name),
    element("b", {}, ms(value)), `${low.toFixed(1)} to ${ms(high)}`, String(runs), ms(median), ms(spread), textOf(reference)]);
  return [heading("Measured"), grid(["Time", "Minimum", "True time is in", "Runs", "Median", "Spread", "Standards"], rows)];
}

function timelinePart(item) {
  const figure = document.querySelector(`figure[data-case="${data.cases.indexOf(item)}"]`);
  if (!figure) return [];
  return [heading("Timeline"), ...[...figure.querySelectorAll(".picture")].map((picture) => picture.cloneNode(true))];
}

function stepsPart(item) {
  if (!item.steps.length) return [];
  const lines = item.steps.map(([at, what]) =>
    element("li", {}, element("time", {}, "+" + at.toFixed(3) + " s"), element("span", {}, textOf(what))));
  return [heading("Steps"), element("ol", { class: "steps" }, ...lines)];
}

const isGap = (row) => typeof row === "number"; // how many packets are left out
const arrow = (forward) => element("span", { class: "vh" }, forward ? "to the right: " : "to the left: ");
// The ends of a packet; a line breaks before the port, not inside it.
const end = (side, text) => element("span", { class: "end " + side }, ...text.split(/(?=:\d+$)/).flatMap((part, at) => at ? [element("wbr"), part] : [part]));
const family = (name) => element("span", { class: "fam fam" + name.slice(-1) }, familyName(name));

// A packet: its time, its family, and the leg between two lanes that it crosses.
function ladderRow(row, before, lanes) {
  if (isGap(row)) return element("li", { class: "gap" }, `… ${row} packets left out; the capture has them …`);
  const [time, left, right, forward, leftEnd, rightEnd, what, name, refuses, missed] = row;
  const again = before && !isGap(before) && before[4] === leftEnd && before[5] === rightEnd ? " again" : "";
  const inside = left === right;
  const note = missed < 0 ? null : element("span", { class: "missed" }, `not captured by the ${textOf(lanes[missed][0]).toLowerCase()}`);
  const kind = `leg ${inside ? "inside" : forward ? "fwd" : "back"}${refuses ? " reset" : ""}${note ? " lost" : ""}`;
  const place = lanes.length < 3 ? "" : inside ? " whole" : right - left > 1 ? " whole" : ` leg${left}`;
  return element("li", {}, element("time", {}, time.toFixed(3) + " ms"), family(textOf(name)),
    element("div", { class: kind + place },
      end("left" + again, textOf(leftEnd)),
      element("span", { class: "what" }, element("i"), element("span", {}, arrow(forward), textOf(what),
        inside ? ` (inside the ${textOf(lanes[left][0]).toLowerCase()})` : ""), element("i")),
      end("right" + again, textOf(rightEnd)), note));
}

function captureLink(place, whose) {
  const pcap = textOf(place);
  if (!pcap) return null;
  return element("p", { class: "cite" }, `All packets${whose}: `,
    element("a", { href: pcap.split("/").map(encodeURIComponent).join("/") }, pcap), " (for Wireshark or tcpdump)");
}

function packetsPart(item) {
  const { lanes, rows } = item.ladder;
  const unreadable = textOf(item.unreadable);
  if (!rows.length && !item.capture && !unreadable) return [];
  const heads = lanes.map(([role, host]) => element("span", {}, element("b", {}, textOf(role)), ` host ${textOf(host)}`));
  const list = element("ol", { class: "ladder" + (lanes.length > 2 ? " three" : "") },
    ...rows.map((row, at) => ladderRow(row, rows.slice(0, at).findLast((other) => isGap(other) || other[1] === row[1]), lanes)));
  return [heading("Packets"), lanes.length ? element("div", { class: "lanes" }, ...heads) : null, list,
    unreadable ? element("p", { class: "cite" }, "The capture cannot be read: " + unreadable) : null,
    captureLink(item.capture, lanes.length ? " of the relay" : ""),
    ...lanes.map(([role, , capture]) => captureLink(capture, " of the " + textOf(role).toLowerCase()))];
}

function tunnelPart(item) {
  if (!item.tunnel.length) return [];
  const [host, capture, packets] = item.tunnel;
  const rows = packets.map(([at, outer, outerFamily, inner, what, innerFamily]) => [at.toFixed(3) + " ms",
    element("span", {}, family(textOf(outerFamily)), " ", textOf(outer)),
    element("span", {}, family(textOf(innerFamily)), " ", textOf(inner), " ", element("b", {}, textOf(what)))]);
  return [heading(`In the tunnel, on host ${textOf(host)}`), grid(["Time", "Outer packet", "Packet inside"], rows, "mono"),
    captureLink(capture, " under the tunnel")];
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

function queriesPart(item) {
  if (!item.queries.length) return [];
  const rows = item.queries.map(([at, client, transport, record, name, rcode, answers]) => [
    at.toFixed(3) + " s", element("code", {}, textOf(client)), textOf(transport), textOf(record), element("code", {}, textOf(name)),
    textOf(rcode) ? `${textOf(rcode)}, ${answers} ${answers === 1 ? "record" : "records"}` : "no answer"]);
  return [heading("Queries to the lab's name server"), grid(["Time", "Client", "Over", "Type", "Name", "Answer"], rows)];
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
  const names = languagesFor(item);
  for (const name of names) {
    tabs.append(element("button", { type: "button", role: "tab", onclick: () => chooseLanguage(name) }, name));
  }
  tabs.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const next = (names.indexOf(languageOf(item)) + step + names.length) % names.length;
    chooseLanguage(names[next]);
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
    verdictPart(item), requirementPart(item), findingsPart(item), measuresPart(item), timelinePart(item), axesPart(item), causesPart(item), stepsPart(item),
    packetsPart(item), tunnelPart(item), queriesPart(item), socketsPart(item),
    log ? [heading("The service's output"), element("pre", {}, log)] : [],
    item.components.map(([name, text]) => [heading("The output of component " + textOf(name)), element("pre", {}, textOf(text))]).flat(),
    commandPart("How the service was started", textOf(item.command)),
    commandPart("Run only this case", textOf(item.rerun)),
    [element("p", { class: "cite" }, `${textOf(item.manifest) || "manifest not recorded"} · took ${item.seconds} s, of which ${item.waited} s waiting for the service · `,
      element("a", { href: "#" + encodeURIComponent(item.id) }, "link to this case"))],
  ].flat().filter((part) => part !== null));
}
