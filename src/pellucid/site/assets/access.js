// What the theme leaves without a name gets one, for who hears the page instead of seeing it.

"use strict";

document.querySelector('[data-md-component="search"]')?.setAttribute("aria-label", "Search");
for (const [place, nav] of document.querySelectorAll("nav.md-code__nav").entries()) {
    nav.setAttribute("aria-label", `Code ${place + 1}`);
}
