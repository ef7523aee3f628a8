/** JSON as TypeScript sees it. */

export type Json = null | boolean | number | string | readonly Json[] | Members;

export interface Members {
  [name: string]: Json;
}

export function isMembers(value: Json | undefined): value is Members {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A member that is an array of objects; empty if it is anything else. */
export function objects(value: Json | undefined): Members[] {
  return Array.isArray(value) ? value.filter(isMembers) : [];
}

/** JSON nested `levels` deep: arrays around nothing. */
export const nested = (levels: number): string => "[".repeat(levels) + "]".repeat(levels);
