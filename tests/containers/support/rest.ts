/** A page of a list. */
interface List {
  readonly data: Record<string, unknown>[];
  readonly next: string | null;
}

export async function getJson(gateway: string, path: string): Promise<{ status: number; body: unknown }> {
  const response = await fetch(`${gateway}${path}`);
  return { status: response.status, body: await response.json() };
}

/** Every row of a list, by its cursors. `path` has a query already. */
export async function getAll(gateway: string, path: string): Promise<Record<string, unknown>[]> {
  const rows: Record<string, unknown>[] = [];
  let next: string | null = null;
  do {
    const page = next === null ? path : `${path}&cursor=${next}`;
    const { status, body } = await getJson(gateway, page);
    if (status !== 200) throw new Error(`${page}: ${status} ${JSON.stringify(body)}`);
    const list = body as List;
    rows.push(...list.data);
    ({ next } = list);
  } while (next !== null);
  return rows;
}
