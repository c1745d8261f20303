export function size({ text }) {
  return text.length;
}
