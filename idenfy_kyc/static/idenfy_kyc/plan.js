// Marks a questionnaire's key that iDenfy has never accepted here, once it is typed. Without JavaScript the server does,
// when it shows the form again.
"use strict";

for (const mark of document.querySelectorAll("[data-ik-mark]")) {
  const field = mark.parentElement.querySelector("input[list]");
  const known = new Set(Array.from(field.list.options, (option) => option.value));
  const isNew = () => field.value.trim() !== "" && !known.has(field.value.trim());
  field.addEventListener("input", () => {
    mark.textContent = "";
  });
  field.addEventListener("change", () => {
    mark.textContent = isNew() ? mark.dataset.ikMark : "";
  });
}
