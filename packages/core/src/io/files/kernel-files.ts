import { statfsSync, statSync } from "node:fs";
import { systemPath } from "./raw-path.ts";

/** Magic numbers from Linux: proc, sysfs, cgroup, debugfs, tracefs, bpf, nsfs and others. */
const kernelFileSystems: ReadonlySet<number> = new Set([
	...[0x9fa0, 0x62656572, 0x27e0eb, 0x63677270, 0x64626720, 0x74726163, 0x73636673, 0x62656570, 0xcafe4a11],
	...[0x19800202, 0x6165676c, 0x42494e4d, 0xf97cff8c, 0x6e736673],
]);
const known = new Map<number, boolean>();

/** Kernel files have no size, and reading one can block or never end. */
export function isMadeByKernel(path: string, device: number): boolean {
	let isKernel = known.get(device);
	if (isKernel === undefined) {
		isKernel = process.platform === "linux" && kernelFileSystems.has(statfsSync(systemPath(path)).type);
		// Meanwhile another file can be at the path: the result is not about this device.
		if (statSync(systemPath(path), { throwIfNoEntry: false })?.dev !== device) return isKernel;
		if (known.size > 1000) known.clear();
		known.set(device, isKernel);
	}
	return isKernel;
}
