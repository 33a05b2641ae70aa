// On a narrow screen the rows of a list become cards. Their cells then say which column they were, in the words of its head.
"use strict";

for (const table of document.querySelectorAll(".results > #result_list")) {
  const heads = [...table.tHead.rows[0].cells].map((head) => head.querySelector(".text").textContent.trim());
  for (const row of table.tBodies[0].rows) {
    [...row.cells].forEach((cell, place) => {
      if (cell.matches("td:not(.action-checkbox)")) {
        cell.dataset.label = heads[place];
      }
    });
  }
}
