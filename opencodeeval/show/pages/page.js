"use strict";
// The theme: what the system says, until the button is used; the choice is
// kept where the browser allows it.
(function () {
  const root = document.documentElement;
  const system = window.matchMedia("(prefers-color-scheme: dark)");
  let chosen = null;
  try { chosen = localStorage.getItem("opencodeeval-theme"); } catch (refused) { /* no storage here */ }
  if (chosen !== "dark" && chosen !== "light") chosen = null;
  function apply() {
    const theme = chosen || (system.matches ? "dark" : "light");
    root.dataset.theme = theme;
    const button = document.querySelector("[data-theme-toggle]");
    if (button) button.textContent = theme === "dark" ? "Light theme" : "Dark theme";
  }
  apply();
  system.addEventListener("change", apply);
  document.addEventListener("DOMContentLoaded", function () {
    apply();
    document.querySelector("[data-theme-toggle]").addEventListener("click", function () {
      chosen = root.dataset.theme === "dark" ? "light" : "dark";
      try { localStorage.setItem("opencodeeval-theme", chosen); } catch (refused) { /* for this visit */ }
      apply();
    });
  });
})();
