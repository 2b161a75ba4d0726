export type { CacheObstacle, StatementFacts } from '../../query/facts/statement-facts.ts'
