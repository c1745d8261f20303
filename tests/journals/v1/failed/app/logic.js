export function total({ row }) {
  if (!row) throw new Error("no such order");
  return row.total;
}
