/** An issuer of tokens, with keys of every kind. */
import { exportJWK, generateKeyPair, type JWK, type JWTPayload, SignJWT } from "jose";
import { isMembers, type Json, type Members } from "./json.js";

export const ISSUER = "https://login.example";
export const AUDIENCE = "shop";

/** What a token is signed with. */
export interface SigningKey {
  alg: string;
  kid: string;
  /** What signs: a private key, or a secret. */
  secret: Parameters<SignJWT["sign"]>[0];
  /** As it stands in settings: a public key, or the secret. */
  jwk: Members;
}

const members = (jwk: JWK): Members => {
  const json: Json = JSON.parse(JSON.stringify(jwk));
  if (!isMembers(json)) throw new Error("A key is an object.");
  return json;
};

/** A new key for an algorithm. */
export async function newKey(alg: string, kid: string): Promise<SigningKey> {
  if (alg === "HS256") {
    const secret = crypto.getRandomValues(new Uint8Array(32));
    return { alg, kid, secret, jwk: { ...members(await exportJWK(secret)), kid } };
  }
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
  return { alg, kid, secret: privateKey, jwk: { ...members(await exportJWK(publicKey)), kid, alg, use: "sig" } };
}

export interface Wanted {
  claims?: JWTPayload;
  header?: Record<string, unknown>;
}

/** A token of somebody, good for five minutes unless its claims say otherwise; undefined claims are left out. */
export async function mint(key: SigningKey, { claims = {}, header = {} }: Wanted = {}): Promise<string> {
  const now = Math.floor(Date.now() / 1_000);
  const all: JWTPayload = { iss: ISSUER, aud: AUDIENCE, sub: "ada", iat: now, exp: now + 300, ...claims };
  const protectedHeader = { alg: key.alg, kid: key.kid, typ: "JWT", ...header };
  return new SignJWT(JSON.parse(JSON.stringify(all))).setProtectedHeader(protectedHeader).sign(key.secret);
}

/** Base64url of a text or a JSON value. */
export const part = (value: unknown): string =>
  Buffer.from(typeof value === "string" ? value : JSON.stringify(value)).toString("base64url");

/** Seconds since 1970, from now. */
export const seconds = (ahead: number): number => Math.floor(Date.now() / 1_000) + ahead;
