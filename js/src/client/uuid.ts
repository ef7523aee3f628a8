/** UUIDs of version 7 (RFC 9562): they carry their millisecond, and those of one process rise. */

/** Milliseconds by which the clock may be set back before the ids follow it. */
const SET_BACK_MS = 1_000;

let last = 0;
let count = 0;

/** A new one. Within a millisecond the 12 bits behind it count up (RFC 9562, section 6.2, method 1). */
export function uuidv7(now: number = Date.now()): string {
  const random = crypto.getRandomValues(new Uint8Array(10));
  const at = (index: number) => random[index] ?? 0;
  if (now > last || now < last - SET_BACK_MS) {
    last = now;
    // Half of the range is left to count in.
    count = ((at(0) << 8) | at(1)) & 0x7ff;
  } else if (++count > 0xfff) {
    last += 1;
    count = 0;
  }
  const time = hex(last, 12);
  const variant = hex((at(2) & 0x3f) | 0x80, 2) + hex(at(3), 2);
  const tail = Array.from(random.subarray(4), (byte) => hex(byte, 2)).join("");
  return `${time.slice(0, 8)}-${time.slice(8)}-7${hex(count, 3)}-${variant}-${tail}`;
}

const hex = (value: number, digits: number) => value.toString(16).padStart(digits, "0");

/** 128 random bits, without a time in them. */
export const randomId = (): string =>
  Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => hex(byte, 2)).join("");
