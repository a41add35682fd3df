/** Reads members of what upstream sent: the API hands it on as it came, so that nothing about its types is certain. Pure. */

export type Members = Readonly<Record<string, unknown>>;

export function text(members: Members | null | undefined, name: string): string | null {
  const value = members?.[name];
  if (typeof value === "string") return value.trim() === "" ? null : value;
  return typeof value === "number" ? String(value) : null;
}

export function number(members: Members | null | undefined, name: string): number | null {
  const value = members?.[name];
  return typeof value === "number" && Number.isFinite(value) ? value : null;
}

export function flag(members: Members | null | undefined, name: string): boolean | null {
  const value = members?.[name];
  return typeof value === "boolean" ? value : null;
}

export function texts(members: Members | null | undefined, name: string): readonly string[] {
  const value = members?.[name];
  return Array.isArray(value) ? value.filter((one): one is string => typeof one === "string" && one !== "") : [];
}

export function list(members: Members | null | undefined, name: string): readonly Members[] {
  const value = members?.[name];
  return Array.isArray(value) ? value.filter((one): one is Members => typeof one === "object" && one !== null && !Array.isArray(one)) : [];
}

export function members(value: unknown): Members | null {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Members) : null;
}

/** An address that may be opened: http or https, nothing else. */
export function webAddress(said: string): URL | null {
  try {
    const address = new URL(said);
    return address.protocol === "https:" || address.protocol === "http:" ? address : null;
  } catch {
    return null;
  }
}
