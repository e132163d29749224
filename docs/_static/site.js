// What the theme leaves out for keyboards and screen readers: blocks that scroll can be reached, headings have a level.
document.addEventListener("DOMContentLoaded", () => {
  document.querySelectorAll("pre, .table-wrapper").forEach((block) => { block.tabIndex = 0; });
  document.querySelectorAll("p.caption[role=heading]").forEach((heading) => heading.setAttribute("aria-level", "2"));
});
