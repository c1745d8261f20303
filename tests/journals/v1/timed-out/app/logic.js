export function pages({ text }) {
  return { text: text.repeat(Math.ceil(70000 / text.length)) };
}
