"use strict";
document.documentElement.classList.add("scripted");

// The slider of a set moves its charts, its tables and its list of problems.
for (const slider of document.querySelectorAll(".slider input")) {
  const set = slider.closest(".set") || document;
  const output = slider.parentElement.querySelector("output");
  const list = [...set.querySelectorAll(".frame")];
  const show = () => {
    for (const frame of list) frame.hidden = frame.dataset.frame !== slider.value;
    const step = list.find((frame) => !frame.hidden && frame.dataset.step).dataset.step;
    output.textContent = "step " + step;
    set.querySelector(".problems")?.dispatchEvent(
      new CustomEvent("checkpoint", { detail: Number(slider.value) }));
  };
  slider.addEventListener("input", show);
  // A browser may bring back where the slider stood before a reload.
  addEventListener("pageshow", show);
}

for (const problems of document.querySelectorAll(".problems")) {
  const rows = [...problems.querySelectorAll(".problem")];
  const last = rows.length ? rows[rows.length - 1].nextSibling : null;
  const value = (row, by) => Number(row.dataset[by]);

  const buttons = [...problems.querySelectorAll(".head button")];
  for (const button of buttons) {
    button.disabled = false;
    button.addEventListener("click", () => {
      const by = button.dataset.by;
      // The first click puts what is worth seeing on top; the second turns it round.
      const rising = button.dataset.rising === undefined
        ? by === "order" || by === "delta" || by === "status" : button.dataset.rising === "false";
      for (const other of buttons) {
        delete other.dataset.rising;
        other.setAttribute("aria-pressed", "false");
      }
      button.dataset.rising = rising;
      button.setAttribute("aria-pressed", "true");
      const sign = rising ? 1 : -1;
      rows.sort((a, b) =>
        sign * (value(a, by) - value(b, by)) || value(a, "order") - value(b, "order"));
      for (const row of rows) problems.insertBefore(row, last);
    });
  }

  const boxes = [...problems.querySelectorAll(".filters [type=checkbox]")];
  const rates = [...problems.querySelectorAll(".filters select")];
  const search = problems.querySelector(".filters [type=search]");
  // Solved at least once, by status: never solved again, newly solved, kept, neither.
  const solved = { base: [true, false, true, false], policy: [false, true, true, false] };
  const fits = (row, { value: range, dataset: { rate: side } }) => {
    if (!range) return true;
    const once = solved[side][row.dataset.status];
    if (range === "never" || !once) return !once && range === "never";
    const rate = value(row, side);
    return range === "low" ? rate < 0.05 : range === "high" ? rate > 0.5
      : rate >= 0.05 && rate <= 0.5;
  };
  const texts = new Map();
  const text = (row) => {
    if (!texts.has(row)) {
      const parts = [...row.querySelectorAll(".title, pre")].map((part) => part.textContent);
      texts.set(row, parts.join("\n").toLowerCase());
    }
    return texts.get(row);
  };
  const filter = () => {
    const shown = new Set(boxes.filter((box) => box.checked).map((box) => box.value));
    const words = search.value.trim().toLowerCase();
    let count = 0;
    for (const row of rows) {
      row.hidden = !(shown.has(row.dataset.name) && rates.every((rate) => fits(row, rate))
        && (!words || text(row).includes(words)));
      if (!row.hidden) count += 1;
    }
    problems.querySelector(".filters output").textContent = `${count} of ${rows.length} shown`;
    for (const box of boxes) {
      box.parentElement.querySelector("b").textContent =
        rows.filter((row) => row.dataset.name === box.value).length;
    }
  };
  for (const field of [...boxes, ...rates, search]) field.addEventListener("input", filter);

  // What the list shows of a checkpoint that is not the last.
  const steps = (problems.dataset.steps || "").split(";").map((part) => {
    const [step, statuses, ...lists] = part.split(":");
    return { step, statuses, lists: lists.map((list) => list ? list.split(",") : null) };
  });
  const cell = (row, name) => row.querySelector(`[data-cell=${name}]`);
  const names = ["policy", "delta", "lost", "gained", "status"];
  const kept = new Map(rows.map((row) => [row, {
    data: { ...row.dataset }, cells: names.map((name) => cell(row, name)?.innerHTML) }]));
  const points = (x) => (x > 0 ? "+" : "") + (Math.round(x * 1000) / 10 + 0).toFixed(1);
  const at = (row, { statuses, lists: [rate, lost, gained] }) => {
    const order = value(row, "order"), digit = statuses[order];
    const box = boxes.find((box) => box.dataset.status === digit);
    const known = rate && rate[order] !== "" ? Number(rate[order]) / 1000 : null;
    const change = known === null ? null : known - value(row, "base");
    const put = (name, text) => { const to = cell(row, name); if (to) to.textContent = text; };
    put("policy", known === null ? "–" : "≈ " + (100 * known).toFixed(1) + "%");
    put("delta", change === null ? "–" : points(change));
    put("lost", lost ? lost[order] + "%" : "–");
    put("gained", gained ? gained[order] + "%" : "–");
    cell(row, "status").innerHTML = box ? box.nextElementSibling.outerHTML + " " : "–";
    if (box) cell(row, "status").append(box.parentElement.querySelector("span").textContent);
    Object.assign(row.dataset, {
      policy: known ?? -1, delta: change ?? 0, status: digit, name: box ? box.value : "",
      lost: lost ? lost[order] / 100 : -1, gained: gained ? gained[order] / 100 : -1 });
  };
  problems.addEventListener("checkpoint", ({ detail: index }) => {
    const step = steps[index], earlier = index < steps.length - 1;
    if (!step) return;
    for (const row of rows) {
      const { data, cells } = kept.get(row);
      Object.assign(row.dataset, data);
      names.forEach((name, i) => { const to = cell(row, name); if (to) to.innerHTML = cells[i]; });
      if (earlier) at(row, step);
    }
    const moved = problems.querySelector(".moved");
    moved.hidden = !earlier;
    moved.querySelector("b").textContent = step.step;
    filter();
  });
  filter();
}

// Each chart as SVG or PNG, each table as CSV.
const save = (name, blob) => {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
};
const file = (element, end) => {
  const near = element.closest("figure")?.querySelector("h4, h5")
    || element.querySelector("[aria-label]") || element;
  const words = near.textContent.length < 80 && near.matches("h4, h5") ? near.textContent
    : near.getAttribute("aria-label") || "table";
  const parts = [document.querySelector("h1").textContent, words.split(":")[0]];
  const clean = (part) => part.replace(/[^\p{L}\p{N}@]+/gu, "-").replace(/^-|-$/g, "");
  return parts.map(clean).join("-").slice(0, 80).toLowerCase() + end;
};
const STYLED = ["fill", "fill-opacity", "stroke", "stroke-width", "stroke-opacity",
  "stroke-dasharray", "stroke-linejoin", "text-anchor", "font-family", "font-size"];
// The legend that a chart has to itself or shares with those beside it.
const legendOf = (svg) => {
  for (let up = svg.parentElement; up; up = up.parentElement) {
    const legend = [...up.children].find((child) => child.matches(".legend"));
    if (legend) return [...legend.children];
  }
  return [];
};
const drawn = (svg) => {
  const copy = svg.cloneNode(true), keys = legendOf(svg), LINE = 16;
  const { width, height: chart } = svg.viewBox.baseVal, height = chart + LINE * keys.length;
  const [from, to] = [svg, copy].map((one) => [one, ...one.querySelectorAll("*")]);
  from.forEach((element, i) => {
    const style = getComputedStyle(element);
    for (const name of STYLED) to[i].setAttribute(name, style.getPropertyValue(name));
    to[i].removeAttribute("class");
  });
  const made = (name, attributes) => {
    const element = document.createElementNS(svg.namespaceURI, name);
    for (const key in attributes) element.setAttribute(key, attributes[key]);
    return element;
  };
  const page = getComputedStyle(document.body);
  copy.setAttribute("width", width);
  copy.setAttribute("height", height);
  copy.setAttribute("xmlns", svg.namespaceURI);
  copy.setAttribute("viewBox", `0 0 ${width} ${height}`);
  copy.prepend(made("rect", { width, height, fill: page.backgroundColor }));
  keys.forEach((key, i) => {
    const y = chart + LINE * i, fill = getComputedStyle(key.querySelector(".swatch")).backgroundColor;
    const name = made("text", { x: 24, y: y + 11, fill: page.color, "font-size": 11,
      "font-family": page.fontFamily });
    name.textContent = key.textContent.trim();
    copy.append(made("rect", { x: 8, y: y + 2, width: 10, height: 10, fill }), name);
  });
  return { text: new XMLSerializer().serializeToString(copy), width, height };
};
const asSvg = (svg) => save(file(svg, ".svg"), new Blob([drawn(svg).text], { type: "image/svg+xml" }));
const asPng = (svg) => {
  const { text, width, height } = drawn(svg), image = new Image();
  image.onload = () => {
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [3 * width, 3 * height];
    canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
    canvas.toBlob((blob) => save(file(svg, ".png"), blob));
  };
  image.src = "data:image/svg+xml;charset=utf-8," + encodeURIComponent(text);
};
// RFC 4180; a cell's parts stand on lines of their own only on the page.
const csv = (table) => {
  const quoted = (text) => /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  const words = (cell) => quoted(cell.textContent.replace(/\s+/g, " ").trim());
  return [...table.rows].map((row) => [...row.cells].map(words).join(",")).join("\r\n") + "\r\n";
};
const tools = (place, kinds) => {
  const line = document.createElement("p");
  line.className = "tools";
  for (const [name, title, act] of kinds) {
    const button = document.createElement("button");
    [button.type, button.textContent, button.title] = ["button", name, title];
    button.addEventListener("click", act);
    line.append(button);
  }
  place(line);
};
for (const svg of document.querySelectorAll("figure svg:not(.tiny)")) {
  tools((line) => svg.parentElement.append(line), [
    ["SVG", "save this chart as SVG", () => asSvg(svg)],
    ["PNG", "save this chart as PNG", () => asPng(svg)]]);
}
for (const scroll of document.querySelectorAll(".tabled > .scroll")) {
  tools((line) => scroll.after(line), [["CSV", "save this table as CSV", () =>
    save(file(scroll, ".csv"), new Blob([csv(scroll.querySelector("table"))], { type: "text/csv" }))]]);
}

// A link to a run opens it.
const open = () => {
  const target = location.hash && document.getElementById(location.hash.slice(1));
  if (target && target.tagName === "DETAILS") target.open = true;
};
addEventListener("hashchange", open);
open();

// What is folded does not print: on paper all is open but the texts of the problems.
let opened = [];
addEventListener("beforeprint", () => {
  opened = [...document.querySelectorAll("details.run:not([open]), details.fold:not([open])")];
  for (const part of opened) part.open = true;
});
addEventListener("afterprint", () => { for (const part of opened) part.open = false; });
