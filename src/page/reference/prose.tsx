/** Shows a description of the document, in which backquotes enclose code. */
export function Prose({ text }: { readonly text: string }) {
  return (
    <>
      {text
        .split('`')
        .map((part, index) => (index % 2 === 1 ? <code key={`${index}-${part}`}>{part}</code> : part))}
    </>
  );
}
