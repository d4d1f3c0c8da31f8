/** One page of a list. Pages count from 1; a page past the end is empty. */
export interface Page<Item> {
	readonly items: readonly Item[];
	readonly page: number;
	readonly pages: number;
	readonly page_size: number;
	/** Number of items on all pages, after filters. */
	readonly total: number;
}

/** Returns page number `page` of `all`. */
export function pageOf<Item>(all: readonly Item[], page: number, pageSize = 50): Page<Item> {
	return {
		items: all.slice((page - 1) * pageSize, page * pageSize),
		page,
		pages: Math.max(1, Math.ceil(all.length / pageSize)),
		page_size: pageSize,
		total: all.length,
	};
}

/** Maps the items of a page, so that only those on the page are converted. */
export function mapPage<From, To>(page: Page<From>, make: (item: From) => To): Page<To> {
	return { ...page, items: page.items.map(make) };
}
