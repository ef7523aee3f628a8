/** The version of this package, the same as that of the server it was released with. */
export const VERSION = "0.1.0";
