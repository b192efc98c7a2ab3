/** The README's five example queries give what a plain computation over the same cities gives. */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import {
  cityKey,
  countryKey,
  importCities,
  readCities,
  type City,
} from "../scripts/demo/cities.ts";
import { exampleQueries } from "../scripts/demo/queries.ts";
import { open, type Database } from "../src/index.ts";

describe("the demo", () => {
  let db: Database;
  let cities: City[];

  beforeAll(async () => {
    cities = await readCities();
    db = await open(":memory:");
    await importCities(db, cities);
  }, 60_000);

  afterAll(async () => {
    await db.close();
  });

  const answer = (name: keyof typeof exampleQueries) => db.query(exampleQueries[name].text).all();

  test("imports every city under two keys", () => {
    expect(cities.length).toBe(171_075);
    expect(db.count({ prefix: "city:" })).toBe(cities.length);
    expect(db.count({ prefix: "country:" })).toBe(cities.length);
    expect(db.getEntry(cityKey(4711))?.json()).toEqual(cities[4711]);
  });

  test("finds one city by its key", async () => {
    const city = cities[22_878] as City;
    expect(await answer("point")).toEqual([{ name: city.name, country: city.country }]);
  });

  test("scans the index of a country in key order", async () => {
    const keys = cities
      .map((city, id) => countryKey(city, id))
      .filter((key) => key.startsWith("country:CH:B"))
      .toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    const rows = await answer("prefix");
    expect(rows.map(({ key }) => new TextDecoder().decode(key as Uint8Array))).toEqual(
      keys.slice(0, 5),
    );
  });

  test("counts the cities of a country", async () => {
    const count = cities.filter((city) => city.country === "JP").length;
    expect(count).toBeGreaterThan(1000);
    expect(await answer("count")).toEqual([{ cities: count }]);
  });

  test("groups by country and sorts by size", async () => {
    const counts = new Map<string, number>();
    for (const { country } of cities) counts.set(country, (counts.get(country) ?? 0) + 1);
    const largest = [...counts].toSorted((a, b) => b[1] - a[1]).slice(0, 5);
    expect(await answer("group")).toEqual(
      largest.map(([country, count]) => ({ country, cities: count })),
    );
  });

  test("filters and sorts by a number inside the values", async () => {
    const northernmost = cities
      .filter(({ lat }) => lat > 70)
      .toSorted((a, b) => b.lat - a.lat)
      .slice(0, 5);
    expect(new Set(northernmost.map(({ lat }) => lat)).size).toBe(5); // no tie to be broken
    expect(await answer("north")).toEqual(
      northernmost.map(({ name, lat }) => ({ name, latitude: lat })),
    );
  });
});
