// What the theme leaves without a name gets one, for who hears the page instead of seeing it.

"use strict";

document.querySelector('[data-md-component="search"]')?.setAttribute("aria-label", "Search");
for (const [place, nav] of document.querySelectorAll("nav.md-code__nav").entries()) {
    nav.setAttribute("aria-label", `Code ${place + 1}`);
}

// A table that is wider than the page can be scrolled with the keyboard too.
window.addEventListener("load", () => {
    for (const [place, table] of document.querySelectorAll(".md-typeset__scrollwrap").entries()) {
        table.tabIndex = 0;
        table.setAttribute("role", "region");
        table.setAttribute("aria-label", `Table ${place + 1}`);
    }
});
