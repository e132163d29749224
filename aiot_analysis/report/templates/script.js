// Themes and the menu. Pages can be read without: what needs this script, it makes.
"use strict";
(() => {
  const root = document.documentElement;
  const store = (value) => {
    try { // browsers may keep nothing for files
      return value ? localStorage.setItem("aiotbench-theme", value) : localStorage.getItem("aiotbench-theme");
    } catch { return null; }
  };
  if (["light", "dark"].includes(store())) root.dataset.theme = store(); // before anything is painted

  const make = (tag, facts, ...children) => {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(facts)) element.setAttribute(name, value);
    element.append(...children);
    return element;
  };

  function themes() {
    const system = matchMedia("(prefers-color-scheme: dark)");
    const button = make("button", { type: "button", class: "theme" });
    const tell = () => {
      const dark = root.dataset.theme ? root.dataset.theme === "dark" : system.matches;
      button.textContent = dark ? "Light" : "Dark";
      button.setAttribute("aria-label", dark ? "Light theme" : "Dark theme");
      return dark ? "light" : "dark";
    };
    button.addEventListener("click", () => { store(root.dataset.theme = tell()); tell(); });
    system.addEventListener("change", tell);
    tell();
    document.querySelector("header nav")?.append(button);
  }

  function openTarget() { // a folded table that a link leads to
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)).split("&")[0]);
    if (target instanceof HTMLDetailsElement) target.open = true;
  }

  document.addEventListener("DOMContentLoaded", () => {
    themes();
    openTarget();
    addEventListener("hashchange", openTarget);
    const contents = document.querySelector(".contents details");
    if (contents && matchMedia("(max-width: 85rem)").matches) contents.open = false; // else it is beside the text
    addEventListener("keydown", (event) => {
      const menu = document.querySelector("header details[open]");
      if (event.key !== "Escape" || !menu) return;
      menu.open = false;
      menu.querySelector("summary").focus();
    });
  });
})();
