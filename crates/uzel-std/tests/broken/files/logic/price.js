export function total({ total }) {
  return total * 2;
}
