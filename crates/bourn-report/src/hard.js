"use strict";
document.documentElement.classList.add("scripted");

// Ticks and notes are kept in the browser, where it allows that to a local file.
const store = {
  get: (key) => { try { return localStorage.getItem(key); } catch { return null; } },
  set: (key, value) => {
    try {
      if (value) localStorage.setItem(key, value); else localStorage.removeItem(key);
    } catch { /* the page still works, and can be saved */ }
  },
};

const articles = [...document.querySelectorAll("article.hard")];
const fields = (article) => [...article.querySelectorAll("[data-field]")];
const name = (article, field) => "bourn hard/" + article.dataset.key + "/" + field.dataset.field;
const value = (field) => field.type === "checkbox" ? (field.checked ? "1" : "") : field.value;
const judged = (article) => fields(article).some((field) => value(field));

const output = document.querySelector(".progress output");
const count = () => {
  output.textContent = articles.filter(judged).length + " of " + articles.length + " judged.";
};

for (const article of articles) {
  for (const field of fields(article)) {
    const kept = store.get(name(article, field));
    if (field.type === "checkbox") field.checked = kept === "1";
    else if (kept) field.value = kept;
    field.addEventListener("input", () => {
      store.set(name(article, field), value(field));
      count();
    });
  }
}
count();

// Tab-separated: problem, field, value; one line each, so that a spreadsheet and a script read it.
document.querySelector(".progress button").addEventListener("click", () => {
  const clean = (text) => text.replace(/[\t\r\n]+/g, " ");
  const lines = ["problem\tfield\tvalue"];
  for (const article of articles) {
    for (const field of fields(article)) {
      if (value(field)) {
        lines.push([article.dataset.key, field.dataset.field, value(field)].map(clean).join("\t"));
      }
    }
  }
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([lines.join("\n") + "\n"], { type: "text/plain" }));
  link.download = "hard-problems.tsv";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
});
