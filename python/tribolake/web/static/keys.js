// Keys for who walks the pages without a pointer. Every page does the same without this script.
"use strict";
(() => {
  const OFF = "tribolake-keys-off";
  const dialog = document.getElementById("keys");
  const opener = document.getElementById("keys-open");
  const active = document.getElementById("keys-active");

  // A browser may refuse its storage: then the keys are on.
  const stored = () => {
    try {
      return localStorage.getItem(OFF) !== null;
    } catch {
      return false;
    }
  };
  const store = (isOff) => {
    try {
      isOff ? localStorage.setItem(OFF, "1") : localStorage.removeItem(OFF);
    } catch {
      // It holds for this page.
    }
  };
  let isOff = stored();

  // The link of each row that can be seen: its report or its value, or else its first link.
  const links = () =>
    [...document.querySelectorAll("main tbody tr")]
      .map((row) => row.querySelector(".component a[href], a.value[href]") || row.querySelector("a[href]"))
      .filter((link) => link && link.checkVisibility());

  const step = (by) => {
    const all = links();
    const row = document.activeElement.closest("tr");
    const here = all.findIndex((link) => link.closest("tr") === row);
    const next = here < 0 ? (by > 0 ? 0 : all.length - 1) : here + by;
    if (all[next]) {
      all[next].focus();
      all[next].closest("tr").scrollIntoView({ block: "nearest" });
    }
  };

  const press = (selector) => {
    const link = document.querySelector(selector);
    if (link) link.click();
    return link !== null;
  };

  const search = () => {
    const field = document.getElementById("search");
    if (field) {
      field.focus();
      field.select();
    } else location.assign(`${document.querySelector("a.brand").href}#search`);
  };

  const open = () => {
    const first = links()[0];
    if (first) first.click();
    return Boolean(first);
  };

  const keys = {
    "/": search,
    j: () => step(1),
    k: () => step(-1),
    n: () => press("a[rel=next]"),
    p: () => press("a[rel=prev]"),
    "?": () => dialog.showModal(),
  };

  document.addEventListener("keydown", (event) => {
    const at = event.target;
    if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing || dialog.open) return;
    if (at.closest("input, select, textarea")) {
      if (event.key === "Escape") at.blur();
      return;
    }
    if (isOff) return;
    if (event.key === "Enter") {
      // On a link or a button the browser knows what to do.
      if ((at === document.body || at.id === "main") && open()) event.preventDefault();
    } else if (Object.hasOwn(keys, event.key) && keys[event.key]() !== false) event.preventDefault();
  });

  active.checked = !isOff;
  active.addEventListener("change", () => store((isOff = !active.checked)));
  opener.hidden = false;
  opener.addEventListener("click", () => dialog.showModal());
  document.getElementById("keys-close").addEventListener("click", () => dialog.close());
})();
