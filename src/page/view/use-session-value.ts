import { useState } from 'preact/hooks';

/** A text that lives as long as the tab does, and in it alone. Empty texts are not kept. */
export function useSessionValue(name: string): [value: string, setValue: (value: string) => void] {
  const [value, setValue] = useState(() => sessionStorage.getItem(name) ?? '');
  return [
    value,
    (changed) => {
      if (changed === '') sessionStorage.removeItem(name);
      else sessionStorage.setItem(name, changed);
      setValue(changed);
    },
  ];
}
