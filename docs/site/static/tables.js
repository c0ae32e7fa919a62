// A click on a heading, or Enter, sorts a table of ten rows or more; a second one reverses the order.
document.addEventListener("DOMContentLoaded", () => {
  const order = new Intl.Collator("en", { numeric: true, sensitivity: "base" });
  for (const table of document.querySelectorAll("article table")) {
    const body = table.tBodies[0];
    if (!body || body.rows.length < 10 || !table.tHead) continue;
    table.classList.add("sortable");
    for (const [column, head] of [...table.tHead.rows[0].cells].entries()) {
      head.tabIndex = 0;
      const sort = () => {
        const up = head.getAttribute("aria-sort") !== "ascending";
        for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
        head.setAttribute("aria-sort", up ? "ascending" : "descending");
        const rows = [...body.rows];
        const text = (row) => row.cells[column].textContent.trim();
        rows.sort((a, b) => (up ? 1 : -1) * order.compare(text(a), text(b)));
        body.append(...rows);
      };
      head.addEventListener("click", sort);
      head.addEventListener("keydown", (event) => event.key === "Enter" && sort());
    }
  }
});
