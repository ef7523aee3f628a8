/** The baseline's Worker: finds the object of a key and hands the request on. */
export { Shop } from "./shop.js";

export default {
  fetch(request, env) {
    const { pathname, searchParams } = new URL(request.url);
    if (pathname === "/v1/health") return Response.json({ status: "ok" });
    const [, , db, , key] = pathname.split("/");
    return env.SHOP.getByName(`${db}/${searchParams.get("key") ?? key}`).fetch(request);
  },
};
