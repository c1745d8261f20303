export function total({ total }) {
  return total * ;
}
