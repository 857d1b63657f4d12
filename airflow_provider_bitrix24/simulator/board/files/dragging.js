// Dragging cards to other columns with a pointer. The dialog of a card does the same by keyboard.

/** Call dropped(item id, stage id) when a card is dropped on another column. */
export function dragging(board, dropped) {
  let dragged = null;
  let over = null;
  const mark = (column) => {
    if (column !== over) {
      delete over?.dataset.over;
      over = column;
      if (column) column.dataset.over = "";
    }
  };
  board.addEventListener("dragstart", (event) => {
    mark(null);
    dragged = event.target.closest(".card");
    event.dataTransfer.setData("text/plain", dragged.dataset.id);
    event.dataTransfer.effectAllowed = "move";
    dragged.dataset.dragged = "";
  });
  board.addEventListener("dragover", (event) => {
    const column = event.target.closest(".column");
    if (!dragged || !column) return;
    event.preventDefault();
    mark(column.dataset.stage === dragged.dataset.stage ? null : column);
  });
  board.addEventListener("drop", (event) => {
    event.preventDefault();
    if (dragged && over) dropped(Number(dragged.dataset.id), over.dataset.stage);
  });
  board.addEventListener("dragend", () => {
    delete dragged?.dataset.dragged;
    dragged = null;
    mark(null);
  });
}
