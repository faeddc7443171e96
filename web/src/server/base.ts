/** Returns the address of a path of the server's, wherever the page is mounted: `agent/runs`, `info`. */
export function address(path: string, base: string = document.baseURI): URL {
  const folder = new URL(".", base);
  folder.search = folder.hash = "";
  return new URL(path.replace(/^\/+/, ""), folder);
}
