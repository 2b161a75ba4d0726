import { countDistinct } from './compute/count-distinct.ts'
import { joins } from './compute/joins.ts'
import { latestRow } from './compute/latest-row.ts'
import { orderBy } from './compute/order-by.ts'
import { regexpContains } from './compute/regexp-contains.ts'
import { repeatedCte } from './compute/repeated-cte.ts'
import { semiJoin } from './compute/semi-join.ts'
import { singleRowInsert } from './compute/single-row-insert.ts'
import { cachedResults } from './repeat/cached-results.ts'
import type { Rule } from './rule.ts'
import { clusterFilter } from './scan/cluster-filter.ts'
import { dynamicPartitionFilter } from './scan/dynamic-partition-filter.ts'
import { limit } from './scan/limit.ts'
import { missingPartitionFilter } from './scan/missing-partition-filter.ts'
import { outerPartitionFilter } from './scan/outer-partition-filter.ts'
import { selectStar } from './scan/select-star.ts'
import { shardedTables } from './scan/sharded-tables.ts'
import { unusedColumns } from './scan/unused-columns.ts'
import { wrappedPartitionFilter } from './scan/wrapped-partition-filter.ts'

/** All rules; those that save bytes first. */
export const rules: readonly Rule[] = [
  wrappedPartitionFilter,
  outerPartitionFilter,
  shardedTables,
  selectStar,
  unusedColumns,
  missingPartitionFilter,
  dynamicPartitionFilter,
  clusterFilter,
  limit,
  cachedResults,
  repeatedCte,
  joins,
  latestRow,
  semiJoin,
  orderBy,
  regexpContains,
  countDistinct,
  singleRowInsert,
]
