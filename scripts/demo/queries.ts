/** The five example queries of the README, over the cities that scripts/demo/cities.ts imports. */

export interface ExampleQuery {
  readonly title: string;
  readonly text: string;
}

export const exampleQueries = {
  point: {
    title: "One city, by its key",
    text: `SELECT value ->> '$.name' AS name, value ->> '$.country' AS country
FROM kv WHERE key = 'city:022878'`,
  },
  prefix: {
    title: "The first Swiss cities with B: an index scan that reads keys only",
    text: `SELECT key FROM kv PREFIX 'country:CH:B' LIMIT 5`,
  },
  count: {
    title: "How many cities has Japan",
    text: `SELECT count(*) AS cities FROM kv PREFIX 'country:JP:'`,
  },
  group: {
    title: "The countries with most cities",
    text: `SELECT value ->> '$.country' AS country, count(*) AS cities
FROM kv PREFIX 'city:' GROUP BY country ORDER BY cities DESC LIMIT 5`,
  },
  north: {
    title: "The northernmost cities",
    text: `SELECT value ->> '$.name' AS name, value ->> '$.lat' AS latitude
FROM kv PREFIX 'city:' WHERE value ->> '$.lat' > 70 ORDER BY latitude DESC LIMIT 5`,
  },
} as const satisfies Readonly<Record<string, ExampleQuery>>;
