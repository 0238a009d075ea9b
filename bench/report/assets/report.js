"use strict";
// The one script of all pages. Text of records is set as text, never as markup.

const data = JSON.parse(document.getElementById("data").textContent);
const byId = (id) => document.getElementById(id);

function element(tag, text, attributes = {}) {
  const made = document.createElement(tag);
  if (text !== null && text !== undefined) made.textContent = text;
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

// ---- numbers as CSV ----

function quoted(value) {
  let text = String(value ?? "");
  // A spreadsheet would compute what begins like a formula, and these texts may come from anywhere.
  if (/^[=+@\t\r]/.test(text) || (text.startsWith("-") && Number.isNaN(Number(text)))) text = "'" + text;
  return /[",\n]/.test(text) ? '"' + text.replaceAll('"', '""') + '"' : text;
}

function csvButton(name, rows) {
  const button = element("button", `${name} as CSV`, {type: "button", class: "csv"});
  button.addEventListener("click", () => {
    const text = rows().map((row) => row.map(quoted).join(",")).join("\r\n") + "\r\n";
    const link = element("a", null, {download: name.replaceAll(/[^\w-]+/g, "-") + ".csv"});
    link.href = URL.createObjectURL(new Blob([text], {type: "text/csv"}));
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  });
  return button;
}

function tableRows(table) {
  return [...table.rows].map((row) => [...row.cells].map((cell) => cell.innerText.trim().replaceAll("\n", " ")));
}

for (const table of document.querySelectorAll("table[data-csv]")) {
  if (table.id !== "matrix") table.parentElement.after(csvButton(table.dataset.csv, () => tableRows(table)));
}

// ---- plots ----

function figureRows(figure) {
  const head = [["line", "x", "y", "text"]];
  return head.concat(figure.data.flatMap((one) => one.x.map((x, at) => [one.name, x, one.y[at], (one.text || [])[at]])));
}

for (const place of document.querySelectorAll(".plot")) {
  const figure = JSON.parse(byId(place.dataset.figure).textContent);
  Plotly.newPlot(place, figure.data, figure.layout, {responsive: true, displayModeBar: false});
  place.after(csvButton(place.dataset.csv, () => figureRows(figure)));
}

// ---- shell patterns, as `--only` reads them: * crosses slashes ----

function globbed(pattern) {
  if (!pattern) return () => true;
  let source = "";
  for (let at = 0; at < pattern.length; at += 1) {
    const one = pattern[at];
    const end = one === "[" ? pattern.indexOf("]", at + (pattern[at + 1] === "!" ? 3 : 2)) : -1;
    if (one === "*") source += ".*";
    else if (one === "?") source += ".";
    else if (end > 0) {
      const inside = pattern.slice(at + 1, end).replaceAll("\\", "\\\\").replaceAll("[", "\\[");
      source += "[" + (inside.startsWith("!") ? "^" + inside.slice(1) : inside.replace(/^\^/, "\\^")) + "]";
      at = end;
    } else source += one.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");
  }
  try {
    const expression = new RegExp(`^(?:${source})$`, "s");
    return (text) => expression.test(text);
  } catch { // a range that runs backwards has nothing in it
    return () => false;
  }
}

// A filter that has no star of its own means "somewhere in it".
const meant = (text) => globbed(text && !/[*?[]/.test(text) ? `*${text}*` : text);

// ---- the verdict matrix ----

const PAGE = 100; // rows
const WIDE = 8; // machines that are shown with whole words

function matrix() {
  const machines = data.machines.map((one, at) => ({...one, at}));
  const state = {start: 0};
  for (const [at, scope] of data.scopes.entries()) byId("scope").append(element("option", scope, {value: at}));
  const used = data.scopes.findIndex((_, at) => data.rows.some((row) => /[^.1]/.test(row[3][at])));
  byId("scope").value = String(Math.max(used, 0));
  byId("verdict").append(element("option", "any", {value: ""}));
  for (const letter of data.order) byId("verdict").append(element("option", data.letters[letter], {value: letter}));

  function chosen() {
    const scope = Number(byId("scope").value);
    const columns = machines.filter((one) => meant(byId("machine-filter").value)(one.name));
    const [cell, letter] = [meant(byId("filter").value), byId("verdict").value];
    const rows = data.rows.filter(
      (row) => cell(row[0]) && (!letter || columns.some((one) => row[3][scope][one.at] === letter)));
    return {scope, columns, rows};
  }

  function counted({scope, columns, rows}) {
    const counts = {};
    for (const row of rows) for (const one of columns) {
      const letter = row[3][scope][one.at];
      counts[letter] = (counts[letter] || 0) + 1;
    }
    return data.order.filter((letter) => counts[letter]).map((letter) => [letter, data.letters[letter]])
      .map(([letter, verdict]) => `${counts[letter]} ${verdict}`).join(", ") || "no verdict at this scope";
  }

  function place(td, letter, narrow) {
    const verdict = data.letters[letter];
    if (narrow) {
      td.className = "m " + (letter === "1" || letter === "." ? "" : verdict);
      td.textContent = letter === "." ? "" : letter;
      if (verdict) td.title = verdict;
    } else if (letter === "1") td.append(element("span", "one run", {class: "dim"}));
    else if (verdict) td.append(element("span", verdict, {class: "v " + verdict}));
    return td;
  }

  function draw() {
    const found = chosen();
    const {scope, columns, rows} = found;
    state.start = Math.min(state.start, Math.max(0, Math.ceil(rows.length / PAGE) - 1) * PAGE);
    const shown = rows.slice(state.start, state.start + PAGE);
    const narrow = columns.length > WIDE;
    const table = byId("matrix");
    table.className = narrow ? "narrow" : "";
    const head = element("tr");
    head.append(element("th", "cell", {scope: "col"}), element("th", "runs", {scope: "col", class: "number"}));
    for (const one of columns) {
      const th = element("th", null, {scope: "col", class: narrow ? "m" : "wrap"});
      th.append(element("a", one.name, {href: one.href}));
      head.append(th);
    }
    const body = element("tbody");
    for (const [cell, href, runs, verdicts] of shown) {
      const tr = element("tr");
      const th = element("th", null, {scope: "row", class: "mono"});
      th.append(href ? element("a", cell, {href}) : cell);
      tr.append(th, element("td", runs || "", {class: "number"}));
      for (const one of columns) tr.append(place(element("td"), verdicts[scope][one.at], narrow));
      body.append(tr);
    }
    const top = element("thead");
    top.append(head);
    table.replaceChildren(top, body);
    const last = Math.min(state.start + PAGE, rows.length);
    byId("place").textContent = rows.length ? `${state.start + 1} to ${last} of ${rows.length} cells` : "no cell matches";
    byId("previous").disabled = state.start === 0;
    byId("next").disabled = last >= rows.length;
    byId("matrix-counts").textContent = `${data.scopes[scope]}: ${counted(found)}`;
  }

  const again = () => { state.start = 0; draw(); };
  for (const id of ["scope", "verdict"]) byId(id).addEventListener("change", again);
  for (const id of ["filter", "machine-filter"]) byId(id).addEventListener("input", again);
  byId("previous").addEventListener("click", () => { state.start -= PAGE; draw(); });
  byId("next").addEventListener("click", () => { state.start += PAGE; draw(); });
  byId("matrix").parentElement.after(csvButton("verdicts", () => {
    const {scope, columns, rows} = chosen();
    return [["cell", "runs", ...columns.map((one) => one.name)]].concat(
      rows.map((row) => [row[0], row[2], ...columns.map((one) => data.letters[row[3][scope][one.at]])]));
  }));
  draw();
}

// ---- any two records ----

function scopeOf(differing) {
  const names = differing.map((one) => one.key);
  return Object.keys(data.varies).find((scope) => names.every((key) => data.varies[scope].includes(key)));
}

function differences(left, right) {
  const [one, other] = [new Map(left), new Map(right)];
  const keys = [...new Set([...one.keys(), ...other.keys()])];
  const rows = keys.map((key) => ({key, left: one.get(key) ?? "(none)", right: other.get(key) ?? "(none)"}));
  return {differ: rows.filter((row) => row.left !== row.right), same: rows.filter((row) => row.left === row.right)};
}

// Stages that both observed, in the order in which a run computes; equal numbers are equal digests.
function stages([layout, fits], [otherLayout, others]) {
  const known = new Map(data.layouts[otherLayout].map((name, at) => [name, at]));
  const both = data.layouts[layout].map((name, at) => ({name, at, there: known.get(name)})).filter((one) => one.there !== undefined);
  return fits.slice(0, others.length).map((fit, number) =>
    both.map(({name, at, there}) => ({name, same: fit[at] === others[number][there]})));
}

function valueTable(rows, label) {
  const box = element("div", null, {class: "scroll", tabindex: "0", role: "region", "aria-label": label});
  const [table, top, head, body] = ["table", "thead", "tr", "tbody"].map((tag) => element(tag));
  for (const name of ["key", "first", "second"]) head.append(element("th", name, {scope: "col"}));
  for (const row of rows) {
    const tr = element("tr");
    tr.append(element("th", row.key, {scope: "row", class: "wrap"}));
    for (const value of [row.left, row.right]) tr.append(element("td", value, {class: "mono wrap"}));
    body.append(tr);
  }
  top.append(head);
  table.append(top, body);
  box.append(table);
  const both = element("div");
  both.append(box, csvButton(label, () => tableRows(table)));
  return both;
}

function folded(summary, content) {
  const box = element("details");
  box.append(element("summary", summary), content);
  return box;
}

function fitTree(number, found) {
  const first = found.find((one) => !one.same);
  const differing = found.filter((one) => !one.same).length;
  const words = first ? `parts at ${first.name}; ${differing} of ${found.length} stages differ` : `all ${found.length} stages are the same bits`;
  const list = element("ul");
  let at = 0;
  while (at < found.length) { // stretches of stages that are all the same, or all not
    let end = at;
    while (end + 1 < found.length && found[end + 1].same === found[at].same) end += 1;
    const names = end === at ? found[at].name : `${found[at].name} to ${found[end].name} (${end - at + 1} stages)`;
    list.append(element("li", `${names}: ${found[at].same ? "same" : "differs"}`));
    at = end + 1;
  }
  return folded(`fit ${number}: ${words}`, list);
}

function pairOf(one, other) {
  const keys = differences(data.keys[one[2]], data.keys[other[2]]);
  const scope = scopeOf(keys.differ);
  const varied = keys.differ.map((row) => row.key).join(", ") || "nothing but the run";
  byId("pair-keys").replaceChildren(...(keys.differ.length ? [valueTable(keys.differ, "what they do not share")] : []));
  byId("tree").replaceChildren();
  const measured = data.measured.find((row) => row.includes(one[0]) && row.includes(other[0]) && one !== other);
  byId("pair-measured").textContent = measured ? `Measured: ${measured[2]}.` : `bench compare ${one[0].slice(0, 12)} ${other[0].slice(0, 12)}`;
  if (scope === undefined) {
    byId("pair-verdict").textContent = `INCOMPARABLE: no scope varies all of ${varied}.`;
  } else {
    const fits = stages(data.traces[one[4]], data.traces[other[4]]);
    const parted = fits.findIndex((found) => found.some((stage) => !stage.same));
    byId("pair-verdict").textContent = parted < 0
      ? `The same bits in everything that both kept; varied: ${varied}.`
      : `Other bits, from fit ${parted + 1}, ${fits[parted].find((stage) => !stage.same).name} on; varied: ${varied}.`;
    byId("tree").replaceChildren(...fits.map((found, at) => fitTree(at + 1, found)));
    if (parted >= 0) byId("tree").children[parted].open = true;
  }
  const environments = differences(data.environments[one[3]], data.environments[other[3]]);
  byId("environments").replaceChildren(
    environments.differ.length ? valueTable(environments.differ, "keys that differ") : element("p", "No recorded key differs."),
    folded(`${environments.same.length} keys are the same`, valueTable(environments.same, "keys that are the same")));
}

function pair() {
  const names = data.records.map((row) => `${row[1]} · ${row[0].slice(0, 12)}`);
  const find = (text) => {
    const exact = names.indexOf(text);
    if (exact >= 0) return data.records[exact];
    const prefix = text.split(" · ").at(-1).trim();
    return prefix.length >= 6 ? data.records.find((row) => row[0].startsWith(prefix)) : undefined;
  };
  const show = () => {
    const [one, other] = ["left", "right"].map((id) => find(byId(id).value));
    if (one && other) pairOf(one, other);
    else byId("pair-verdict").textContent = "Choose two records: type a part of a cell, a machine or a digest.";
  };
  for (const id of ["left", "right"]) {
    byId(id).addEventListener("input", () => {
      const matches = meant(byId(id).value);
      byId(`${id}-list`).replaceChildren(...names.filter(matches).slice(0, 50).map((name) => element("option", null, {value: name})));
      show();
    });
  }
  const asked = location.search.slice(1).split("..");
  const rows = asked.map((digest) => data.records.findIndex((row) => digest.length >= 6 && row[0].startsWith(digest)));
  const first = (data.measured[0] || []).slice(0, 2).map((digest) => data.records.findIndex((row) => row[0] === digest));
  const places = [rows, first].find((both) => both.length === 2 && both.every((at) => at >= 0)) || [0, Math.min(1, names.length - 1)];
  ["left", "right"].forEach((id, at) => { byId(id).value = names[places[at]] || ""; });
  show();
}

if (byId("matrix")) matrix();
if (byId("pair-form")) pair();
