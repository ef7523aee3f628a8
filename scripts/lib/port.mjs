/** TCP ports. */
import { createServer } from "node:net";
import { Failure } from "./run.mjs";

/**
 * Makes sure that a port can be listened on; 0 asks for any that is free.
 * @param {string} host
 * @param {number} port
 * @returns {Promise<number>} the port
 */
export function freePort(host, port) {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", (/** @type {NodeJS.ErrnoException} */ error) =>
      reject(
        new Failure(
          error.code === "EADDRINUSE"
            ? `Port ${port} is taken. Choose another: PORT=${port + 1} npm start`
            : `Cannot listen on ${host}:${port}: ${error.message}`,
        ),
      ),
    );
    server.listen(port, host, () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address ? address.port : port));
    });
  });
}

/**
 * Reads a port number as a person gave it.
 * @param {string | undefined} given
 * @param {number} otherwise
 */
export function readPort(given, otherwise) {
  if (given === undefined || given === "") return otherwise;
  const port = Number(given);
  if (Number.isInteger(port) && port >= 0 && port <= 65_535) return port;
  throw new Failure(`PORT is ${JSON.stringify(given)}, which is no port number (0 to 65535)`);
}
