export { type BundleDescription, type BundleOptions, type BundlePlan, describeBundle } from "./bundle/bundle-plan.ts";
export { planBundle } from "./bundle/plan-bundle.ts";
export {
	type ArchiveStream,
	archiveBundle,
	type BundleProgress,
	judgeArchive,
	streamArchive,
	writeBundle,
} from "./bundle/write-bundle.ts";
export {
	type BundleProblem,
	type BundleVerification,
	listBundle,
	readManifest,
	renderManifest,
	verifyBundle,
} from "./eval/bundle-manifest.ts";
export { type ExecutedCommand, executedCommands } from "./eval/command-files.ts";
export {
	type BenchmarkPaths,
	benchmarkOfFile,
	discoverEvals,
	type EvalScope,
	findEvals,
	findScope,
	isEvalName,
	readRunFile,
	readSummary,
	resolveBenchmarkPaths,
} from "./eval/discover-evals.ts";
export type { LoadedEval, Suite, TestCase } from "./eval/eval-types.ts";
export { evalEnvironment, type LoadOptions, loadEval } from "./eval/load-eval.ts";
export { loadTargets, type TargetScope } from "./eval/load-targets.ts";
export { type LocatedFinding, locateFindings } from "./eval/read-shape.ts";
export {
	type AddBenchmarkOptions,
	addBenchmark,
	findEntry,
	type Registry,
	type RegistryEntry,
	type RemovedEntry,
	readRegistry,
	registryFile,
	removeBenchmark,
	type WrittenEntry,
} from "./eval/registry.ts";
export {
	defaultTarget,
	type ResolvedTarget,
	resolvedTargets,
	resolveTarget,
	type TargetDestination,
	type TargetUse,
	targetDestination,
	usedTargets,
} from "./eval/resolve-target.ts";
export { type ResultsMachine, readAttempt, readRecordText, removeTrust } from "./eval/run-digest.ts";
export { type DiskView, openDiskView, shownSource } from "./eval/source.ts";
export {
	benchmarkSubject,
	bundleSubject,
	grantTrust,
	newAccessFindings,
	planTrust,
	refuseNewAccess,
	shownSubject,
	type TrustPlan,
	type TrustSubject,
} from "./eval/trust.ts";
export { collectReferences, portableRoot, type Reference, type References } from "./eval/visit.ts";
export type { BundleManifest } from "./format/bundle-manifest.ts";
export { encode, recordToWire, toWire, type Wire } from "./format/codec.ts";
export { type FormatName, formatNames, jsonSchemaOf } from "./format/json-schema.ts";
export {
	type AttemptFile,
	type AttemptRecord,
	attemptFileSchema,
	type ExecutionStatus,
	fingerprintParts,
	type PlannedTargetRecord,
	provenanceSchema,
	type ResultRow,
	type RowScore,
	type RunFile,
	type RunSummary,
	type TableRow,
	type TableRowRecord,
	tableRowSchema,
	toWireRow,
	toWireSummary,
} from "./format/run-file.ts";
export { type Difference, type RunVerification, verificationSchema } from "./format/run-reports.ts";
export { ruleLevels } from "./format/target-file.ts";
export { sumCosts } from "./grading/contract.ts";
export {
	attemptStatuses,
	type CaseOutcome,
	caseOutcomes,
	outcomeWords,
	type PlannedRun,
	passRate,
	RunTally,
	SummaryBuilder,
	scoreMean,
	type Tallied,
	type TargetTally,
	tallyOf,
	testsNotRun,
} from "./grading/outcomes.ts";
export {
	type CodeFrameOptions,
	codeFrame,
	neutral,
	terminalSafe,
	terminalSafeLine,
} from "./lib/code-frame.ts";
export {
	AgentvError,
	type AgentvErrorOptions,
	type Diagnostic,
	type DocumentPath,
	type ErrorCode,
	exitCodes,
	hasErrors,
	type Place,
	type Severity,
} from "./lib/errors.ts";
export { redactUrl } from "./lib/git-url.ts";
export { matchesGlob } from "./lib/glob.ts";
export { type InterpolationResult, interpolateEnv, type VariableUse } from "./lib/interpolate.ts";
export {
	createOutputRedactor,
	createRedactor,
	type Redactor,
	redactJson,
	redactText,
	secretsIn,
	secretsOf,
} from "./lib/redact.ts";
export { isSecretName, redacted } from "./lib/secret-shapes.ts";
export {
	type BoundedMean,
	boundedMeanText,
	boundText,
	formatBytes,
	formatDuration,
	nearestName,
	plural,
	safeName,
} from "./lib/text.ts";
export type { SourceRange } from "./lib/yaml-document.ts";
export { listDirectory } from "./machine/directories.ts";
export { agentvHome, type Environment, expandHome, refuseUnusableHome } from "./machine/environment.ts";
export {
	directoryEntries,
	fileStamp,
	isInside,
	pathKind,
	realPath,
	resourceError,
	targetKind,
} from "./machine/files.ts";
export { type FindOptions, type FoundFiles, findFiles } from "./machine/find-files.ts";
export { repositoryRoot } from "./machine/git-repository.ts";
export { type Connection, isOfAnotherUser, openInBrowser } from "./machine/http.ts";
export { readBytes, readTextFile } from "./machine/read-file.ts";
export { type FileChange, writeAllOrNone } from "./machine/write-file.ts";
export { examine } from "./maintenance/doctor.ts";
export { type DoctorGroup, type DoctorItem, doctorGroups } from "./maintenance/doctor-checks.ts";
export {
	type CacheItem,
	type CacheKind,
	cacheKinds,
	type KeptItem,
	type PruneOptions,
	type PruneResult,
	pruneCache,
} from "./maintenance/prune-cache.ts";
export { type CaseScore, type ComparedRun, type Renamed, readComparedRun } from "./results/case-scores.ts";
export {
	type ComparedCase,
	type ComparedCaseRecord,
	type ComparedPart,
	type Comparison,
	type ComparisonVerdict,
	comparedCaseRecord,
	comparedCases,
	comparedRunRecord,
	compareRuns,
	comparisonFigures,
	describeDifference,
	describeLowered,
	describeSmallestEffect,
	differenceText,
	type FingerprintPart,
	isLowered,
	signed,
} from "./results/compare-runs.ts";
export { type MergeProblem, type Missing, type MissingTest, mergeProblemText } from "./results/merge-checks.ts";
export { type Merge, mergeRuns } from "./results/merge-runs.ts";
export {
	findRuns,
	headRecord,
	isFinished,
	lastRunOf,
	listRuns,
	type OpenRun,
	openRun,
	type RunHead,
	type RunReading,
	type RunState,
	readRecordHead,
	readRun,
	resolveRun,
	resolveRuns,
	runState,
} from "./results/read-run.ts";
export { type PassRate, RunStore, type RunTable, turns } from "./results/run-store.ts";
export { signRun } from "./results/sign-run.ts";
export { verifyRun } from "./results/verify-run.ts";
export type { AttemptName, RunEvent, RunOutcome } from "./run/attempt.ts";
export { type ShardBudget, shardBudgets } from "./run/call-cache.ts";
export { checkPlannedSchemas } from "./run/check-plan.ts";
export { describePlan, type PlanDescription, planRun } from "./run/plan-run.ts";
export { isUnbegun } from "./run/run-directory.ts";
export { type RecordedAnswers, type RunOptions, recordAnswers, runEvals } from "./run/run-evals.ts";
export type { PlannedCase, RunPlan } from "./run/run-plan.ts";
export { originRequest, type RunMachine, type RunRequest, resumedRequest } from "./run/run-request.ts";
export { shardSizes } from "./run/shards.ts";
export {
	type BenchmarkReport,
	type BenchmarkReports,
	type LastSync,
	type Revision,
	type RevisionState,
	readState as readLastSync,
	type ShownSource,
	type WorkTree,
	type WorkTreeState,
} from "./sync/benchmark-report.ts";
export { benchmarkStatus, listBenchmarks } from "./sync/benchmark-status.ts";
export type {
	ExecutableChange,
	StatusOptions,
	SyncAction,
	SyncChanges,
	SyncEvent,
	SyncOptions,
	SyncOutcome,
	SyncPlan,
	SyncResult,
	TouchedEval,
} from "./sync/make-plan.ts";
export { planSync, sync } from "./sync/sync.ts";
export { type PlannedFile, unifiedDiff } from "./validate/fix/edited-files.ts";
export {
	applyFixes,
	type FixOptions,
	type FixPlan,
	type OfferedEdit,
	offeredEdits,
	type PlannedChange,
	planFixes,
} from "./validate/fix/plan-fixes.ts";
export type { FixWhen } from "./validate/rule.ts";
export { parseRuleLevels, type RuleDoc, type RuleGroup, type RuleLevels, ruleDoc, ruleDocs } from "./validate/rules.ts";
export {
	type EvalValidation,
	findingRecord,
	type ValidateOptions,
	type ValidationCheck,
	type ValidationFinding,
	validateEvals,
} from "./validate/validate-evals.ts";
