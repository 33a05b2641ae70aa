// On a narrow screen the rows of a list become cards. Their cells then say which column they were, in the words of its head.
// Without JavaScript they stay a table, which scrolls.
"use strict";

for (const table of document.querySelectorAll(".results > #result_list, .ik-section .ik-table > table")) {
  const heads = Array.from(table.tHead.rows[0].cells, (head) => (head.querySelector(".text") || head).textContent.trim());
  for (const row of table.tBodies[0].rows) {
    Array.from(row.cells).forEach((cell, place) => {
      if (cell.tagName === "TD" && !cell.classList.contains("action-checkbox")) {
        cell.dataset.label = heads[place];
      }
    });
  }
  table.classList.add("ik-cards");
}
