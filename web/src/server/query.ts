/** Returns the fields as the query of an address; what is null or undefined is left out. */
export function queryOf(fields: Readonly<Record<string, string | number | null | undefined>>): string {
  const given = Object.entries(fields).filter(([, value]) => value !== undefined && value !== null);
  const text = new URLSearchParams(given.map(([name, value]) => [name, String(value)])).toString();
  return text && `?${text}`;
}
