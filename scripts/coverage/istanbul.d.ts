/** The part of istanbul-lib-instrument that is used; it brings no types. */

declare module "istanbul-lib-instrument" {
  export function createInstrumenter(options: {
    readonly esModules: boolean;
    readonly compact: boolean;
    readonly coverageVariable: string;
    readonly parserPlugins: readonly string[];
  }): {
    instrumentSync(source: string, path: string): string;
    /** Of the file before, with everything at 0. */
    lastFileCoverage(): import("./report.ts").FileCounters;
  };
}
