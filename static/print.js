// 印刷する: the button is there only where a script can press the browser's own. Without script the browser's menu prints
// the same page.
"use strict";

for (const button of document.querySelectorAll("[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => window.print());
}
