/**
 * The ways in which a deleted key is known to have come back in Badger, rebuilt around the honest engine:
 * wrong decisions and wrong job parameters, nothing else. The histories must notice every one of them.
 */

import { at } from "../../src/base/assert.ts";
import type { CompactionPlan } from "../../src/compaction/compaction-plan.ts";
import { collides } from "../../src/compaction/compaction-plan.ts";
import { hullOf, overlapping } from "../../src/compaction/key-span.ts";
import { type CompactionState, pickLevelZero } from "../../src/compaction/leveled-policy.ts";
import type { Policies } from "../../src/database/policies.ts";
import type { TableMeta, TreeVersion } from "../../src/manifest/version.ts";
import type { Job } from "../../src/worker/jobs.ts";
import type { Sabotage } from "./space-run.ts";

export const KNOWN_MISTAKES: Readonly<Record<string, Sabotage>> = {
  "level 0 jumps over a level that is not empty, and only what lies below the target counts as older":
    {
      policies: (honest) => withPlans(honest, jumpToTheBottom),
      job: onlyBelowIsOlder,
      withoutCopies: true,
    },
  "tables of level 0 are left out of a compaction and do not count as older": {
    policies: (honest) => withPlans(honest, newestOnly),
    job: onlyBelowIsOlder,
    withoutCopies: true,
  },
  "tables of level 0 become one, and what lies below does not count as older": {
    policies: (honest) => withPlans(honest, withinLevelZero),
    job: (job) =>
      job.kind === "compaction" && job.compaction.targetLevel === 0
        ? { ...job, compaction: { ...job.compaction, olderRanges: NOTHING_OLDER } }
        : job,
    withoutCopies: true,
  },
  "a copy of an old version on top of the tree counts as ordered": {
    job: everyFlushIsOrdered,
  },
  "a collection writes back later what it has read, while deletes and compactions go on": {
    copiesLate: true,
  },
};

const NOTHING_OLDER = { everywhere: false, spans: [] };

/** All of level 0, which leaves everything older below. */
function withinLevelZero(version: TreeVersion, plan: CompactionPlan): CompactionPlan {
  const sources = at(version.levels, 0);
  return { ...plan, kind: "merge", sources, targets: [], targetLevel: 0 };
}

/** The overlap test of Badger: from the level below the target on. */
function onlyBelowIsOlder(job: Job): Job {
  if (job.kind !== "compaction") return job;
  const spans = job.compaction.tablesBelow;
  return {
    ...job,
    compaction: { ...job.compaction, olderRanges: { everywhere: false, spans } },
  };
}

function everyFlushIsOrdered(job: Job): Job {
  return job.kind === "flush" ? { ...job, flush: { ...job.flush, knownOrdered: true } } : job;
}

type Mistake = (version: TreeVersion, plan: CompactionPlan) => CompactionPlan;

function withPlans(honest: Policies, mistake: Mistake): Policies {
  return {
    ...honest,
    compaction: (version: TreeVersion, state: CompactionState) => {
      const plan = pickLevelZero(version, state);
      const wrong = plan === undefined ? undefined : mistake(version, plan);
      if (wrong === undefined || collides(wrong, state.running)) {
        return honest.compaction(version, state);
      }
      return wrong;
    },
  };
}

/** The base is moved down without a look at the levels it leaves. */
function jumpToTheBottom(version: TreeVersion, plan: CompactionPlan): CompactionPlan {
  return aimedAt(version, plan, plan.sources, version.levels.length - 1);
}

/** Older tables are left out, as if they were too large or too young. */
function newestOnly(version: TreeVersion, plan: CompactionPlan): CompactionPlan {
  return aimedAt(version, plan, [at(at(version.levels, 0), 0)], plan.targetLevel);
}

function aimedAt(
  version: TreeVersion,
  plan: CompactionPlan,
  sources: readonly TableMeta[],
  targetLevel: number,
): CompactionPlan {
  const targets = overlapping(at(version.levels, targetLevel), hullOf(sources));
  return { ...plan, kind: "merge", sources, targets, targetLevel };
}
