/** What the documents look like, and what always holds of them. */

const route = {
  origin: { ref: "airports", onDelete: "restrict" },
  destination: { ref: "airports", onDelete: "restrict" },
};

export const schema = {
  collections: {
    airports: {
      closed: true,
      fields: {
        name: { type: "string" },
        city: { type: "string", optional: true },
        state: { type: "string", optional: true },
        country: { type: "string" },
        latitude: { type: "float", check: ["and", [">=", "latitude", -90], ["<=", "latitude", 90]] },
        longitude: { type: "float", check: ["and", [">=", "longitude", -180], ["<=", "longitude", 180]] },
        // "Atlanta, GA"; the airport's own name where the city or state is not known.
        place: { type: "string", computed: ["coalesce", ["concat", "city", { value: ", " }, "state"], "name"] },
      },
      indexes: [["state", "city"]],
      relations: {
        departures: { from: "routes", by: "origin" },
        arrivals: { from: "routes", by: "destination" },
      },
    },
    routes: {
      closed: true,
      fields: { ...route, flights: { type: "int", check: [">", "flights", 0] } },
      indexes: ["flights"],
      unique: [["origin", "destination"]],
      checks: { leadsElsewhere: ["!=", "origin", { path: "destination" }] },
    },
    flights: {
      closed: true,
      fields: {
        ...route,
        departure: { type: "string" },
        delay: { type: "int" },
        distance: { type: "int", check: [">", "distance", 0] },
        // 1 for a flight that counts as late, by the 15 minutes of the statistics; its mean is the share of such.
        late: { type: "int", computed: ["if", [">=", "delay", 15], 1, 0] },
      },
      indexes: ["departure"],
    },
  },
};
