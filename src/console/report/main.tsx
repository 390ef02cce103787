/** A report: the state of things as one page, from data that the page holds. */
import { render } from 'preact';
import 'uplot/dist/uPlot.min.css';
import '../style/base.css';
import '../style/parts.css';
import '../style/lists.css';
import './report.css';
import { followSystem } from '../parts/dark.ts';
import type { ReportData } from './data.ts';
import { Report } from './report.tsx';

followSystem();
const data = document.getElementById('data');
const root = document.getElementById('report');
if (root && data?.textContent) render(<Report data={JSON.parse(data.textContent) as ReportData} />, root);
