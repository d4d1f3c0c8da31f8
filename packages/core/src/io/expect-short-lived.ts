import { setFlagsFromString } from "node:v8";

/**
 * To be called before very many rows are read one after the other, none of them kept. Where long lists were read before, V8 takes what is
 * made of each row for as lasting and puts it where collecting it costs a third of all the time: it is told not to guess. For the whole process.
 */
export function expectShortLived(): void {
	setFlagsFromString("--no-allocation-site-pretenuring");
}
