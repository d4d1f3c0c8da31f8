import type { BenchmarkReport, BenchmarkReports, SyncChanges, SyncPlan, SyncResult } from "@agentv/core";

// One document per command; their schema is docs/schemas/benchmark-output.schema.json.

export function json(document: unknown): string {
	return `${JSON.stringify(document, null, 2)}\n`;
}

/** Formats `list` and `status`. */
export function reportsJson({ benchmarks, diagnostics }: BenchmarkReports): string {
	return json({
		benchmarks: benchmarks.map(reportDocument),
		problems: diagnostics.map(({ rule, message, at }) => ({ rule, message, file: at.file })),
	});
}

function reportDocument(report: BenchmarkReport) {
	const { revision, workTree, lastSync } = report;
	return {
		id: report.id,
		name: report.name,
		path: report.path,
		source: report.source,
		revision: {
			state: revision.state,
			wanted_ref: revision.wantedRef,
			wanted_sha: revision.wantedSha,
			sha: revision.sha,
			subject: revision.subject,
			committed_at: revision.committedAt,
			reason: revision.reason,
		},
		work_tree: { state: workTree.state, files: workTree.files },
		last_sync: lastSync && {
			status: lastSync.status,
			started_at: lastSync.startedAt,
			finished_at: lastSync.finishedAt,
			from: lastSync.from,
			to: lastSync.to,
			message: lastSync.message,
		},
		message: report.message,
	};
}

/** Formats `sync`. */
export function resultsDocument(results: readonly SyncResult[]) {
	return {
		results: results.map(({ id, outcome, from, to, message, edits, changes }) => {
			return { id, outcome, from, to, message, edits, changes: changesDocument(changes) };
		}),
	};
}

/** Formats `sync --dry-run`. */
export function plansJson(plans: readonly SyncPlan[]): string {
	return json({
		plans: plans.map(({ id, action, from, to, message, changes }) => {
			return { id, action, from, to, message, changes: changesDocument(changes) };
		}),
	});
}

function changesDocument(changes: SyncChanges | null) {
	return changes;
}
