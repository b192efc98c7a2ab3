/** Every family there is, in the order in which they run. */

import type { Family } from "./family.ts";
import { churn } from "./families/churn.ts";
import { durable } from "./families/durable.ts";
import { fill } from "./families/fill.ts";
import { get } from "./families/get.ts";
import { load } from "./families/load.ts";
import { micro } from "./families/micro.ts";
import { open } from "./families/open.ts";
import { put } from "./families/put.ts";
import { scan } from "./families/scan.ts";
import { startup } from "./families/startup.ts";
import { sweep } from "./families/sweep.ts";
import { values } from "./families/values.ts";
import { ycsb } from "./families/ycsb.ts";

export const FAMILIES: readonly Family[] = [
  fill,
  get,
  scan,
  put,
  durable,
  values,
  ycsb,
  sweep,
  startup,
  open,
  load,
  churn,
  micro,
];
