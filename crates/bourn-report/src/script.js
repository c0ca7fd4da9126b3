"use strict";
document.documentElement.classList.add("scripted");

for (const frames of document.querySelectorAll(".frames")) {
  const slider = frames.querySelector("input[type=range]");
  if (!slider) continue;
  const output = frames.querySelector("output");
  const list = [...frames.querySelectorAll(".frame")];
  const show = () => {
    list.forEach((frame, index) => { frame.hidden = index !== Number(slider.value); });
    output.textContent = "step " + list[slider.value].dataset.step;
  };
  slider.addEventListener("input", show);
  // A browser may bring back where the slider stood before a reload.
  show();
}

for (const problems of document.querySelectorAll(".problems")) {
  const rows = [...problems.querySelectorAll(".problem")];
  const last = rows.length ? rows[rows.length - 1].nextSibling : null;
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
      const value = (row) => Number(row.dataset[by]);
      const sign = rising ? 1 : -1;
      rows.sort((a, b) =>
        sign * (value(a) - value(b)) || Number(a.dataset.order) - Number(b.dataset.order));
      for (const row of rows) problems.insertBefore(row, last);
    });
  }
  const boxes = [...problems.querySelectorAll(".filters input")];
  const filter = () => {
    const shown = new Set(boxes.filter((box) => box.checked).map((box) => box.value));
    for (const row of rows) row.hidden = !shown.has(row.dataset.name);
  };
  boxes.forEach((box) => box.addEventListener("change", filter));
  filter();
}

// A link to a run opens it.
const open = () => {
  const target = location.hash && document.getElementById(location.hash.slice(1));
  if (target && target.tagName === "DETAILS") target.open = true;
};
addEventListener("hashchange", open);
open();

// What is folded does not print: on paper every run is open.
addEventListener("beforeprint", () => {
  for (const run of document.querySelectorAll("details.run")) run.open = true;
});
