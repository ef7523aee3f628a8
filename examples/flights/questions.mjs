/** The questions, each one query, and how to print its rows. */

/** @typedef {Record<string, any>} Row */

/**
 * @typedef {object} Question
 * @property {string} name
 * @property {string} title
 * @property {object} query
 * @property {Record<string, (row: Row) => string | number>} columns heading → what stands under it
 */

const place = { select: ["place"] };
/** @param {number} share */
const percent = (share) => `${(share * 100).toFixed(1)} %`;

/** @type {Question[]} */
export const questions = [
  {
    name: "busiestRoutes",
    title: "Which routes were the busiest in 2008?",
    query: {
      from: "routes",
      include: { origin: place, destination: place },
      orderBy: [["flights", "desc"], "id"],
      limit: 10,
    },
    columns: { from: (row) => row.origin.place, to: (row) => row.destination.place, flights: (row) => row.flights },
  },
  {
    name: "withoutDepartures",
    title: "Which airports does somebody fly to, but nobody from?",
    query: {
      from: "airports",
      where: ["and", ["exists", "arrivals"], ["not", ["exists", "departures"]]],
      select: ["id", "name", "place"],
      include: { arrivals: { select: ["origin", "flights"], orderBy: [["flights", "desc"], "origin"], limit: 3 } },
      orderBy: ["id"],
    },
    columns: {
      airport: (row) => `${row.id} ${row.name}`,
      place: (row) => row.place,
      from: (row) => row.arrivals.map((/** @type {Row} */ route) => `${route.origin} (${route.flights})`).join(", "),
    },
  },
  {
    name: "quietStates",
    title: "In which states are the most airports without any departure?",
    query: {
      from: "airports",
      where: ["and", ["not", ["null", "state"]], ["not", ["exists", "departures"]]],
      groupBy: ["state"],
      aggregate: { airports: ["count"] },
      orderBy: [["airports", "desc"], "state"],
      limit: 10,
    },
    columns: { state: (row) => row.state, airports: (row) => row.airports },
  },
  {
    name: "quietAirports",
    title: "And how many are there in all?",
    query: { from: "airports", where: ["not", ["exists", "departures"]], aggregate: { airports: ["count"] } },
    columns: { airports: (row) => row.airports },
  },
  {
    name: "delaysByState",
    title: "How late were flights in early 2001, by the state they left from?",
    query: {
      from: "flights",
      join: { airport: { from: "airports", on: [["origin", "id"]] } },
      where: ["not", ["null", "airport.state"]],
      groupBy: ["airport.state"],
      aggregate: { flights: ["count"], delay: ["avg", "delay"], worst: ["max", "delay"], late: ["avg", "late"] },
      orderBy: [["delay", "desc"], "airport.state"],
      limit: 10,
    },
    columns: {
      state: (row) => row["airport.state"],
      flights: (row) => row.flights,
      "mean delay": (row) => `${row.delay.toFixed(1)} min`,
      worst: (row) => `${row.worst} min`,
      late: (row) => percent(row.late),
    },
  },
];
