// Parts of at most `size` characters. Cuts between paragraphs, else between sentences, else between words.
export function split({ text, size }) {
  const parts = [];
  let rest = text.trim();
  while (rest.length > size) {
    const head = rest.slice(0, size);
    const cut = [head.lastIndexOf("\n\n"), head.lastIndexOf(". ") + 1, head.lastIndexOf(" ")].find((at) => at > size / 2);
    const at = cut ?? size;
    parts.push(rest.slice(0, at).trim());
    rest = rest.slice(at).trim();
  }
  if (rest) parts.push(rest);
  return { parts };
}
