/** The forms of data files that people have, made up by hand in a few lines each. `outcomes.json` says what becomes of them. */
import type { ColumnMap, ImportOptions } from '../../src/import/mod.ts';

export interface Form {
  /** What it is; unique. */
  name: string;
  /** Content of each file, by its name. Several files are imported as a folder. */
  files: Readonly<Record<string, string>>;
  /** Options of the import; the map is that of `--map`. */
  options?: Pick<ImportOptions, 'timeUnit' | 'timezone' | 'inFileOrder' | 'personal'>;
  map?: ColumnMap;
}

const lines = (...rows: string[]): string => `${rows.join('\n')}\n`;
const tabs = (...rows: string[]): string => lines(...rows.map((row) => row.replaceAll(' | ', '\t')));
const views = (time: string, ...more: string[]): string =>
  lines('user_id,item_id,time', ...[time, ...more].map((one, n) => `u${n + 1},i1,${one}`));

const DATA_SETS: readonly Form[] = [
  { name: 'MovieLens 100K', files: { 'u.data': tabs('7 | 2 | 4 | 881250949', '8 | 1 | 3 | 881250948') } },
  { name: 'MovieLens 1M, 10M', files: { 'ratings.dat': lines('1::1193::5::978300760', '1::661::3::978302109') } },
  {
    name: 'MovieLens 20M and later',
    files: {
      'ratings.csv': lines('userId,movieId,rating,timestamp', '1,2,3.5,1112486027'),
      'movies.csv': lines('movieId,title,genres', '2,"Second, The (1995)",Comedy|Drama'),
      'links.csv': lines('movieId,imdbId,tmdbId', '2,0,0'),
    },
  },
  {
    name: 'RecBole',
    files: {
      'toy.inter': tabs('user_id:token | item_id:token | rating:float | timestamp:float', 'u1 | i1 | 4 | 1588687728'),
      'toy.item': tabs(
        'item_id:token | title:token_seq | class:token_seq | price:float',
        'i1 | Toy Boat | Toys Wood | 9.5',
      ),
      'toy.user': tabs('user_id:token | age:token', 'u1 | 31'),
    },
  },
  { name: 'RecBole without a timestamp', files: { 'toy.inter': tabs('user_id:token | item_id:token', 'u1 | i1') } },
  {
    name: 'RecBole without a timestamp, in file order',
    files: { 'toy.inter': tabs('user_id:token | item_id:token', 'u1 | i2', 'u1 | i1') },
    options: { inFileOrder: true },
  },
  {
    name: 'KuaiRec',
    files: {
      'big_matrix.csv': lines(
        'user_id,video_id,play_duration,video_duration,time,date,timestamp,watch_ratio',
        '0,9001,13000,10000,2020-07-05 00:08:23.438,20200705,1593878903.438,1.3',
        '0,9003,800,8000,,,,0.1',
      ),
      'item_categories.csv': lines('video_id,feat', '9001,[8]', '9002,"[27, 9]"'),
    },
  },
  {
    name: 'Amazon 2014, reviews',
    files: {
      'reviews.csv': lines('reviewerID,asin,overall,unixReviewTime,reviewTime', 'P1,B01,5.0,1252800000,"09 13, 2009"'),
    },
  },
  {
    name: 'Amazon 2014, ratings alone',
    files: { 'ratings_Beauty.csv': lines('P1,B01,5.0,1369699200', 'P2,B02,3.0,1355443200') },
  },
  {
    name: 'Amazon 2014, ratings alone, with a map',
    files: { 'ratings_Beauty.csv': lines('P1,B01,5.0,1369699200', 'P2,B02,3.0,1355443200') },
    map: { header: false, user: '1', item: '2', value: '3', time: '4' },
  },
  {
    name: 'Amazon 2023, reviews',
    files: {
      'All_Beauty.jsonl': lines(
        '{"rating": 5.0, "title": "Fine", "images": [], "asin": "B01", "parent_asin": "B00", "user_id": "P1", "timestamp": 1588687728923}',
      ),
    },
  },
  {
    name: 'Amazon 2023, items',
    files: {
      'meta_All_Beauty.jsonl': lines(
        '{"main_category": "All Beauty", "title": "Soap", "average_rating": 4.8, "features": ["mild"], "price": null, "categories": [], "parent_asin": "B00", "details": {"Brand": "X"}}',
      ),
    },
  },
  {
    name: 'Yelp, reviews',
    files: {
      'yelp_academic_dataset_review.json': lines(
        '{"review_id":"r1","user_id":"p1","business_id":"b1","stars":3.0,"useful":0,"date":"2018-07-07 22:09:11"}',
      ),
    },
  },
  {
    name: 'Yelp, businesses',
    files: {
      'yelp_academic_dataset_business.json': lines(
        '{"business_id":"b1","name":"A Bakery","city":"Here","stars":4.0,"attributes":{"WiFi":"free"},"categories":"Bakeries, Coffee"}',
      ),
    },
  },
  {
    name: 'Yelp, check-ins',
    files: { 'checkin.json': lines('{"business_id":"b1","date":"2016-04-26 19:49:16, 2016-08-30 18:36:57"}') },
  },
  {
    name: 'Retailrocket',
    files: {
      'events.csv': lines(
        'timestamp,visitorid,event,itemid,transactionid',
        '1433221332117,501,view,7001,',
        '1433227005007,502,transaction,7002,31',
      ),
      'item_properties_part1.csv': lines(
        'timestamp,itemid,property,value',
        '1435460400000,7001,categoryid,11',
        '1435460400000,7001,888,1001',
      ),
      'category_tree.csv': lines('categoryid,parentid', '11,2'),
    },
  },
  {
    name: 'H&M',
    files: {
      'transactions_train.csv': lines(
        't_dat,customer_id,article_id,price,sales_channel_id',
        '2018-09-20,c1,0100000001,0.05,2',
        '2018-09-20,c1,0100000001,0.05,2',
      ),
      'articles.csv': lines(
        'article_id,prod_name,product_type_no,detail_desc',
        '0100000001,Plain Top A,283,"A top with ""two"" pockets."',
      ),
    },
  },
  {
    name: 'Open Bandit',
    files: {
      'men.csv': lines(
        ',timestamp,item_id,position,click,user_feature_0',
        '0,2019-11-24 00:03:13.442536+00:00,14,3,0,abc',
      ),
    },
  },
  {
    name: 'Book-Crossing',
    files: { 'BX-Book-Ratings.csv': lines('"User-ID";"ISBN";"Book-Rating"', '"1";"000000001X";"0"') },
  },
  {
    name: 'Book-Crossing, in file order',
    files: {
      'BX-Book-Ratings.csv': lines('"User-ID";"ISBN";"Book-Rating"', '"1";"000000001X";"0"'),
      'BX-Books.csv': lines(
        '"ISBN";"Book-Title";"Year-Of-Publication"',
        '"000000001X";"A Title; and More";"2001"',
        '"0000000020";"Other";"0"',
      ),
      'BX-Users.csv': lines('"User-ID";"Location";"Age"', '"1";"somewhere";"31"'),
    },
    options: { inFileOrder: true },
  },
  {
    name: 'LastFM-360K',
    files: {
      'usersha1-artmbid-artname-plays.tsv': tabs('00a1 | 3bd7 | The "Band" | 2137', '00a1 | f2fb | die Gruppe | 1099'),
    },
    map: { header: false, user: '1', item: '2', value: '4', type: 'user.played.v1' },
    options: { inFileOrder: true },
  },
  {
    name: 'LastFM-1K',
    files: {
      'userid-timestamp-artid-artname-traid-traname.tsv': tabs(
        'user_1 | 2009-05-04T23:08:57Z | f1b1 | Deep | t1 | Night "Live',
      ),
    },
    map: { header: false, user: '1', time: '2', item: '5', type: 'user.played.v1' },
  },
  {
    name: 'Goodreads, in file order',
    files: { 'goodreads_interactions.csv': lines('user_id,book_id,is_read,rating,is_reviewed', '0,948,1,5,0') },
    options: { inFileOrder: true },
  },
  {
    name: 'MIND, news',
    files: {
      'news.tsv': tabs(
        'N1 | lifestyle | life | "Quoted" Word Of A Title | A summary. | https://example.org/a | [{"Label": "X"}] | []',
      ),
    },
    map: { header: false, item: '1', title: '4', description: '5', tags: ['2'], attributes: ['3'] },
  },
  {
    name: 'Foursquare',
    files: {
      'dataset_TSMC2014_NYC.txt': tabs(
        '470 | 49bbd6c0 | 4bf58dd8 | Arts Store | 40.71 | -74.00 | -240 | Tue Apr 03 18:00:09 +0000 2012',
      ),
    },
    map: { header: false, delimiter: '\t', user: '1', item: '2', time: '8' },
  },
  {
    name: 'Gowalla',
    files: { 'Gowalla_totalCheckins.txt': tabs('0 | 2010-10-19T23:55:27Z | 30.23 | -97.79 | 22847') },
    map: { header: false, delimiter: '\t', user: '1', time: '2', item: '5' },
  },
  {
    name: 'Online Retail',
    files: {
      'online_retail.csv': lines(
        'InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID',
        '536365,85123A,HOLDER,6,12/13/2010 8:26,2.55,17850',
      ),
    },
    map: { user: 'CustomerID', item: 'StockCode', time: 'InvoiceDate', value: 'Quantity', type: 'user.purchased.v1' },
  },
  {
    name: 'Instacart, orders',
    files: {
      'orders.csv': lines(
        'order_id,user_id,eval_set,order_number,order_dow',
        '2539329,1,prior,1,2',
        '2398795,1,prior,2,3',
      ),
    },
  },
];

const TIMES: readonly Form[] = [
  { name: 'dates of eight digits', files: { 'views.csv': views('20200705', '20191231') } },
  { name: 'times of twelve digits', files: { 'views.csv': views('202007050830') } },
  { name: 'times of fourteen digits', files: { 'views.csv': views('20200705083015') } },
  { name: 'months of six digits', files: { 'views.csv': views('202007', '202008') } },
  { name: 'days of Excel', files: { 'views.csv': views('43784.5') } },
  { name: 'days of Excel, named', files: { 'views.csv': views('43784.5') }, options: { timeUnit: 'excel' } },
  { name: 'microseconds', files: { 'views.csv': views('1588687728923000') } },
  { name: 'nanoseconds', files: { 'views.csv': views('1588687728923000000') } },
  { name: 'numbers that are no times', files: { 'views.csv': views('17', '18') } },
  { name: 'a date that may be two', files: { 'views.csv': views('03/04/2020') } },
  {
    name: 'a date that may be two, named',
    files: { 'views.csv': views('03/04/2020') },
    options: { timeUnit: 'DD/MM/YYYY' },
  },
  { name: 'the day first, as a day above 12 shows', files: { 'views.csv': views('03/04/2020', '13/04/2020') } },
  { name: 'the month first, with AM and PM', files: { 'views.csv': views('4/13/2020 8:30 PM', '4/2/2020 12:05 AM') } },
  { name: 'dates with points', files: { 'views.csv': views('05.07.2020 08:30') } },
  { name: 'dates with slashes, the year first', files: { 'views.csv': views('2020/07/05 08:30:15') } },
  { name: 'times in words', files: { 'views.csv': views('"Sun, 05 Jul 2020 08:30:15 GMT"') } },
  {
    name: 'ISO 8601 with and without a zone',
    files: { 'views.csv': views('2020-07-05T08:30:15+02:00', '2020-07-05 08:30:15') },
  },
  {
    name: 'ISO 8601 in a named zone',
    files: { 'views.csv': views('2020-07-05 08:30:15') },
    options: { timezone: 'Europe/Berlin' },
  },
];

const TABLES: readonly Form[] = [
  {
    name: 'a shop with a column of products called pid',
    files: { 'log.csv': lines('user_id,pid,timestamp,rating', 'z1,p1,1767225600,5') },
  },
  {
    name: 'a history with an unknown column of items',
    files: { 'log.csv': lines('user_id,thing,timestamp,rating', 'z1,p1,1767225600,5') },
  },
  { name: 'a table that repeats its ids', files: { 'plays.csv': lines('user_id,song,plays', 'u1,a,2', 'u1,b,3') } },
  {
    name: 'overlapping exports',
    files: {
      'mar.csv': lines('user_id,item_id,timestamp', 'u1,x1,1767225600', 'u1,x1,1767225600'),
      'apr.csv': lines('user_id,item_id,timestamp', 'u1,x1,1767225600', 'u1,x3,1769904000'),
    },
  },
  { name: 'customers', files: { 'users.csv': lines('customer_id,age,email,Zip Code', 'c1,31,c1@example.org,12345') } },
  {
    name: 'a catalogue with lists in brackets and a day of publication',
    files: {
      'catalogue.csv': lines('item_id;title;tags;price;published', 'b1;"Bag";["Bags", "blue"];87,65;30.05.2024'),
    },
  },
  {
    name: 'prices with a decimal comma, with a map',
    files: { 'catalogue.csv': lines('item_id;price', 'b1;87,65', 'b2;1,234', 'b3;cheap') },
    map: { item: 'item_id', attributes: [{ column: 'price', as: 'number' }] },
  },
  {
    name: 'a quote that does not close',
    files: {
      'log.csv': lines(
        'user_id,item_id,timestamp,title',
        'u1,i1,1588687728,"An open title',
        'u2,i2,1588687729,plain',
        'u3,i3,1588687730,5 inch"',
        'u4,i4,1588687731,ok',
      ),
    },
  },
  {
    name: 'texts of several lines',
    files: {
      'log.csv': lines(
        'user_id,item_id,timestamp,note',
        'u1,i1,2026-03-01T10:00:00Z,"a',
        'b"',
        'u2,i1,2026-03-02T10:00:00Z,"c, d',
        'e"',
      ),
    },
  },
  {
    name: 'quotes as text, by a map',
    files: { 'items.csv': lines('item_id,title', 'i1,"Heroes"') },
    map: { item: 'item_id', title: 'title', quote: false },
  },
  {
    name: 'rows with errors',
    files: {
      'log.csv': lines('user_id,item_id,timestamp', 'u1,i1,1588687728', 'u2,i1,soon', 'u3,i1', ',i1,1588687728'),
    },
  },
];

const OBJECTS: readonly Form[] = [
  {
    name: 'CloudEvents',
    files: {
      'events.jsonl': lines(
        '{"specversion":"1.0","id":"e1","source":"shop","type":"user.viewed.v1","subject":"u1","time":"2026-03-01T10:00:00Z","data":{"item":"i1"}}',
      ),
    },
  },
  {
    name: 'the log of an application, with a map of paths',
    files: {
      'app.jsonl': lines('{"at":"2026-03-01T10:00:00Z","actor":{"id":17},"act":{"verb":"buy","product":{"id":"p1"}}}'),
    },
    map: {
      user: 'actor.id',
      item: 'act.product.id',
      time: 'at',
      type: { column: 'act.verb', values: { buy: 'user.purchased.v1' } },
    },
  },
  { name: 'a JSON document', files: { 'reviews.json': lines('[', '  {"user_id": "u1"}', ']') } },
  {
    name: 'numbers that JSON does not hold',
    files: { 'log.jsonl': lines('{"user_id":12345678901234567890,"item_id":"i1","timestamp":1588687728}') },
  },
];

/** Files of those who switch from another system. */
const EXPORTS: readonly Form[] = [
  {
    name: 'gorse',
    files: {
      'feedback.jsonl': lines(
        '{"FeedbackType":"star","UserId":"ann","ItemId":"repo-1","Value":0,"Timestamp":"2026-03-01T10:00:00Z","Comment":""}',
        '{"FeedbackType":"read","UserId":"ben","ItemId":"repo-2","Timestamp":"2026-03-01T11:00:00Z","Comment":""}',
      ),
      'items.jsonl': lines(
        '{"ItemId":"repo-1","IsHidden":false,"Categories":["tools"],"Timestamp":"2025-11-20T13:55:27Z","Labels":["cli","rust"],"Comment":"A tool"}',
        '{"ItemId":"repo-3","IsHidden":true,"Categories":[],"Timestamp":"2025-11-20T13:55:27Z","Labels":[],"Comment":""}',
      ),
      'users.jsonl': lines('{"UserId":"ann","Labels":{"language":"rust","company":"x"},"Comment":""}'),
    },
  },
  {
    name: 'gorse, a kind of feedback of your own',
    files: {
      'feedback.jsonl': lines(
        '{"FeedbackType":"zap","UserId":"ann","ItemId":"repo-1","Timestamp":"2026-03-01T10:00:00Z","Comment":""}',
      ),
    },
  },
  {
    name: 'Metarank',
    files: {
      'events.jsonl': lines(
        '{"event":"item","id":"e1","timestamp":"1772359200000","item":"m1","fields":[{"name":"title","value":"First"},{"name":"color","value":["white","black"]}]}',
        '{"event":"item","id":"e2","timestamp":"1772359201000","item":"m1","fields":[{"name":"price","value":9.5}]}',
        '{"event":"user","id":"e3","timestamp":"1772359202000","user":"u1","fields":[{"name":"age","value":33}]}',
        '{"event":"ranking","id":"r1","timestamp":"1772359203000","user":"u1","session":"s1","items":[{"id":"m1","relevancy":2.0}]}',
        '{"event":"interaction","id":"e4","ranking":"r1","timestamp":"1772359204000","user":"u1","session":"s1","type":"click","item":"m1"}',
        '{"event":"interaction","id":"e5","timestamp":"1772359205000","session":"s2","type":"purchase","item":"m1"}',
      ),
    },
  },
  {
    name: 'Amazon Personalize',
    files: {
      'interactions.csv': lines(
        'USER_ID,ITEM_ID,TIMESTAMP,EVENT_TYPE,EVENT_VALUE',
        'u1,p1,1772359200,Watch,',
        'u1,p2,1772359260,Purchase,12.5',
      ),
      'items.csv': lines(
        'ITEM_ID,CATEGORY_L1,PRICE,CREATION_TIMESTAMP,PRODUCT_DESCRIPTION',
        'p1,Books|Travel,12.5,1770000000,About harbours',
      ),
      'users.csv': lines('USER_ID,AGE_GROUP,MEMBERSHIP', 'u1,25-34,gold'),
    },
  },
  {
    name: 'Segment, e-commerce',
    files: {
      'segment.jsonl': lines(
        '{"type":"track","event":"Product Viewed","anonymousId":"a1","messageId":"m1","timestamp":"2026-03-01T10:00:00.000Z","properties":{"product_id":"p1","name":"Boots","price":59.9}}',
        '{"type":"identify","userId":"u1","anonymousId":"a1","messageId":"m2","timestamp":"2026-03-01T10:01:00.000Z","traits":{"email":"a@example.org","plan":"gold"}}',
        '{"type":"track","event":"Order Completed","userId":"u1","anonymousId":"a1","messageId":"m3","timestamp":"2026-03-01T10:02:00.000Z","properties":{"order_id":"o1","products":[{"product_id":"p1","price":59.9,"quantity":2},{"product_id":"p2","price":5}]}}',
        '{"type":"track","event":"Products Searched","userId":"u1","messageId":"m4","timestamp":"2026-03-01T10:03:00.000Z","properties":{"query":"boots"}}',
        '{"type":"page","name":"Home","anonymousId":"a1","messageId":"m5","timestamp":"2026-03-01T10:04:00.000Z"}',
      ),
    },
  },
];

export const FORMS: readonly Form[] = [...DATA_SETS, ...TIMES, ...TABLES, ...OBJECTS, ...EXPORTS];
