/** One page of a list. Pages count from 1; a page past the end is empty. */
export interface Page<Item> {
	readonly items: readonly Item[];
	readonly page: number;
	readonly pages: number;
	readonly page_size: number;
	/** How many there are on all pages, after filters. */
	readonly total: number;
}

/** What a list route of 50 a page answers for `page` of `all`. */
export function pageOf<Item>(all: readonly Item[], page: number, pageSize = 50): Page<Item> {
	return {
		items: all.slice((page - 1) * pageSize, page * pageSize),
		page,
		pages: Math.max(1, Math.ceil(all.length / pageSize)),
		page_size: pageSize,
		total: all.length,
	};
}

/** The same page with its items made into something else: only those shown are ever made. */
export function mapPage<From, To>(page: Page<From>, make: (item: From) => To): Page<To> {
	return { ...page, items: page.items.map(make) };
}
