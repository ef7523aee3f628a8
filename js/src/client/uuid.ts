/** UUIDs of version 7 (RFC 9562): they carry their millisecond, and those of one process rise. */

/** Milliseconds by which the clock may be set back before the ids follow it. */
const SET_BACK_MS = 1_000;

/** Random bytes that are drawn at once: asking for some costs more than the bytes. */
const DRAWN = 1_024;

let last = 0;
let count = 0;

const drawn = new Uint8Array(DRAWN);
let used = DRAWN;

/** Random bytes that nobody was given before. */
function random(bytes: number): Uint8Array {
  if (used + bytes > DRAWN) {
    crypto.getRandomValues(drawn);
    used = 0;
  }
  used += bytes;
  return drawn.subarray(used - bytes, used);
}

/** A new one. Within a millisecond the 12 bits behind it count up (RFC 9562, section 6.2, method 1). */
export function uuidv7(now: number = Date.now()): string {
  const bytes = random(10);
  const at = (index: number) => bytes[index] ?? 0;
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
  return `${time.slice(0, 8)}-${time.slice(8)}-7${hex(count, 3)}-${variant}-${hexOf(bytes.subarray(4))}`;
}

const hex = (value: number, digits: number) => value.toString(16).padStart(digits, "0");

function hexOf(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += hex(byte, 2);
  return text;
}

/** 128 random bits, without a time in them. */
export const randomId = (): string => hexOf(random(16));
